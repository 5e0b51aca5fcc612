"""Sites and their keys as they were when last read, and the reading.

Values of `registry`, for the way of a message; they know neither when they were read nor by
whom. Above `models`.
"""

from collections import defaultdict
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import NamedTuple

from sites.models import ApiKey, Site


class KeySnapshot(NamedTuple):
    """One key that was usable when last read."""

    pk: int  # of the ApiKey
    digest: bytes
    expires_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class SiteSnapshot:
    """One enabled site as it was when last read."""

    name: str
    auth_url: str
    auth_scheme: str = "Bearer"
    user_room_prefix: str = ""  # "" = no user rooms
    prefixed_system_events: bool = False
    update_user_url: str = ""
    public_channel: str = ""
    reauth_seconds: int = 0  # 0 = a client's rooms are asked for once, when it connects
    allowed_origins: str = ""  # with white space between them; "" = every one
    # None = as the configuration says; the names are the same.
    sends_per_second: int | None = None
    key_sends_per_second: int | None = None
    sends_at_once: int | None = None
    connections_per_site: int | None = None
    connections_per_user_room: int | None = None
    site_handshakes_per_second: int | None = None
    queue_messages: int | None = None
    queue_bytes: int | None = None
    keys: tuple[KeySnapshot, ...] = field(default=(), repr=False)

    def is_user_room(self, room: str) -> bool:
        return bool(self.user_room_prefix) and room.startswith(self.user_room_prefix)

    @property
    def system_events(self) -> tuple[str, ...]:
        """What only the service itself may emit."""
        own = (self.batch_event, self.resync_event)
        return (*own, "_settings") if self.prefixed_system_events else own

    @property
    def batch_event(self) -> str:
        return "_batch" if self.prefixed_system_events else "batch"

    @property
    def resync_event(self) -> str:
        return "_resync" if self.prefixed_system_events else "resync"


# In the order of SiteSnapshot, whose keys come last.
SITE_FIELDS = tuple(each.name for each in fields(SiteSnapshot) if each.name != "keys")


def read_sites() -> dict[str, SiteSnapshot]:
    """Return `{name: SiteSnapshot}` of all enabled sites, in two queries.

    Sites before keys: a site made in between is then missing as a whole, not without keys.
    """
    sites = list(Site.objects.enabled().order_by().values_list("pk", *SITE_FIELDS))
    keys: defaultdict[int, list[KeySnapshot]] = defaultdict(list)
    usable = ApiKey.objects.usable().order_by("pk")
    for site_id, pk, digest, end in usable.values_list("site_id", "pk", "digest", "expires_at"):
        keys[site_id].append(KeySnapshot(pk, bytes.fromhex(digest), end))
    rows = ((*values, tuple(keys[pk])) for pk, *values in sites)
    return {row[0]: SiteSnapshot(*row) for row in rows}
