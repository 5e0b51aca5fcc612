"""What a site may be limited to on its own, and which pages may connect to it.

Fields of Site, by the names that config.yml's `limits` has for them: blank is what stands
there. `delivery` enforces them.
"""

from django.core.validators import MinValueValidator
from django.db import models

from sites.validators import validate_origins

AS_CONFIGURED = "Blank: as config.yml says. 0: no limit."


def in_force(own: int | None, configured: int) -> int:
    """Return the limit that holds for a site.

    >>> in_force(None, 100), in_force(0, 100)
    (100, 0)
    """
    return configured if own is None else own


def _limit(name: str, text: str) -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        name, null=True, blank=True, help_text=f"{text} {AS_CONFIGURED}"
    )


def _size(text: str) -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=f"{text} Past it the queue is dropped and the client told to reload. "
        "Blank: as config.yml says.",
    )


class SiteLimits(models.Model):
    allowed_origins = models.TextField(
        blank=True,
        default="",
        validators=[validate_origins],
        help_text="Pages that may connect, one origin a line, such as https://newsite.com or "
        "https://*.newsite.com. Blank: every page.",
    )
    sends_per_second = _limit(
        "messages a second", "At most so many, of all keys together, by /send."
    )
    key_sends_per_second = _limit("messages a second of each key", "At most so many, by /send.")
    sends_at_once = models.PositiveIntegerField(
        "messages at once",
        null=True,
        blank=True,
        help_text="A burst: at most so many after a pause. Blank: as config.yml says. 0: as "
        "many as in a second.",
    )
    connections_per_site = _limit("clients", "At most so many at once, in each process.")
    connections_per_user_room = _limit(
        "clients of a user room", "Tabs and devices of one user at once, in each process."
    )
    site_handshakes_per_second = _limit(
        "connects a second", "At most so many, in each process; more wait for their turn."
    )
    queue_messages = _size("Most messages that wait for a device.")
    queue_bytes = _size("Most bytes that wait for a device.")

    class Meta:
        abstract = True


LIMIT_NAMES = tuple(
    field.name for field in SiteLimits._meta.local_fields if field.name != "allowed_origins"
)
