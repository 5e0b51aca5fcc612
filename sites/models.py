"""Site and ApiKey: who may send, and where a client's rooms are asked for.

Edited in the admin, seeded from sites.yml, read by `sites.snapshots`. Nothing on the
way of a message touches these tables.
"""

import re
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.utils import timezone

from sites.former_names import NAME_LENGTH
from sites.keys import digest_key, make_key, show_start
from sites.limits import SiteLimits
from sites.validators import (
    validate_auth_scheme,
    validate_http_url,
    validate_room,
    validate_site_name,
)

URL_LENGTH = 2000
SCHEME_LENGTH = 64
ROOM_LENGTH = 256  # as long as a room name may be in /send
LABEL_LENGTH = 100
MAX_REAUTH_SECONDS = 30 * 24 * 3600
COUNTED_LABEL = re.compile(r" \(\d+\)$")


class SiteQuerySet(models.QuerySet["Site"]):
    def enabled(self) -> "SiteQuerySet":
        return self.filter(is_enabled=True)


class Site(SiteLimits):
    """One website, a tenant: its clients connect to the namespace `/<name>`."""

    name = models.CharField(
        max_length=NAME_LENGTH,
        unique=True,
        validators=[validate_site_name],
        help_text='Clients connect with io("/name"). Renaming or deleting a site disconnects '
        "its clients.",
    )
    auth_url = models.CharField(
        "auth URL",
        max_length=URL_LENGTH,
        validators=[validate_http_url],
        help_text="Asked with the client's token for the list of rooms, "
        "e.g. https://newsite.com/socketrooms.",
    )
    auth_scheme = models.CharField(
        max_length=SCHEME_LENGTH,
        default="Bearer",
        validators=[validate_auth_scheme],
        help_text="First word of the Authorization header sent to the auth URL.",
    )
    user_room_prefix = models.CharField(
        max_length=ROOM_LENGTH,
        blank=True,
        default="",
        validators=[validate_room],
        help_text='Rooms that start with this, e.g. "user_", belong to one user, and their '
        "messages are kept until acknowledged. Blank: no such rooms.",
    )
    prefixed_system_events = models.BooleanField(
        default=False,
        help_text='For clients written for later Node versions: "_batch", "_resync" and '
        '"_settings" in place of "batch" and "resync".',
    )
    update_user_url = models.CharField(
        "update user URL",
        max_length=URL_LENGTH,
        blank=True,
        default="",
        validators=[validate_http_url],
        help_text="Told by PUT when a user's first device comes online and when the last has gone; "
        "a first :id in it stands for the user room without its prefix.",
    )
    public_channel = models.CharField(
        max_length=ROOM_LENGTH,
        blank=True,
        default="",
        validators=[validate_room],
        help_text="From sites.yml of later Node versions. Here it is a shared room like any other.",
    )
    reauth_seconds = models.PositiveIntegerField(
        "ask again after",
        default=0,
        validators=[MaxValueValidator(MAX_REAUTH_SECONDS)],
        help_text="Seconds after which the auth URL is asked again for each connected client, "
        "which is then moved between rooms or sent away. 0: never.",
    )
    is_enabled = models.BooleanField(
        "enabled",
        default=True,
        help_text="A disabled site refuses messages and disconnects its clients.",
    )
    owners = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="owned_sites",
        help_text="People who see this site even if they may not see all sites.",
    )
    created_at = models.DateTimeField("created", auto_now_add=True)
    updated_at = models.DateTimeField("updated", auto_now=True)

    objects = SiteQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = [
            ("all_sites", "Can see all sites, not only the own ones"),
            ("manage_clients", "Can disconnect clients and clear their queues"),
            ("send_test", "Can send test messages"),
            ("view_arguments", "Can look at the arguments of messages"),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> "ApiKeyQuerySet":
        is_unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(is_unexpired, revoked_at=None)

    def with_text(self, key: str) -> "ApiKeyQuerySet":
        return self.filter(digest=digest_key(key).hex())

    def make(self, site: Site, label: str = "") -> tuple["ApiKey", str]:
        """Make a key; return its row and its text, which cannot be had again."""
        key = make_key()
        return self.add(site, key, label), key

    def add(self, site: Site, key: str, label: str = "", *, is_from_file: bool = False) -> "ApiKey":
        """Store a key, or bring a revoked or expired one back; safe when several processes do
        it at once."""
        defaults: dict[str, Any] = {"revoked_at": None, "expires_at": None}
        if is_from_file:
            defaults["is_from_file"] = True
        row, _ = self.update_or_create(
            site=site,
            digest=digest_key(key).hex(),
            defaults=defaults,
            create_defaults=defaults | {"label": label, "first_characters": show_start(key)},
        )
        return row

    def rotate(self, row: "ApiKey", overlap: timedelta) -> tuple["ApiKey", str]:
        """Make the successor of a key, which itself ends after `overlap`, or as planned before."""
        with transaction.atomic():
            successor, key = self.make(row.site, self._label_of_successor(row))
            row.end(timezone.now() + overlap)
        return successor, key

    def _label_of_successor(self, row: "ApiKey") -> str:
        """Count on: "shop" -> "shop (2)" -> "shop (3)", so that the labels tell them apart."""
        label = row.label or f"successor of {row.first_characters}…"
        name = COUNTED_LABEL.sub("", label)[: LABEL_LENGTH - len(" (9999)")]
        labels = set(self.filter(site=row.site).values_list("label", flat=True))
        if not row.label and name not in labels:
            return name
        return next(each for i in count(2) if (each := f"{name} ({i})") not in labels)


class ApiKey(models.Model):
    """One key of a site. Several may be usable at a time, so that keys rotate without a gap."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(
        max_length=LABEL_LENGTH,
        blank=True,
        default="",
        help_text='Who uses this key, e.g. "shop backend".',
    )
    digest = models.CharField(max_length=64, editable=False)  # HMAC-SHA256, hexadecimal
    first_characters = models.CharField(max_length=4, blank=True, default="", editable=False)
    is_from_file = models.BooleanField("from sites.yml", default=False, editable=False)
    created_at = models.DateTimeField("created", auto_now_add=True)
    expires_at = models.DateTimeField(
        "expires",
        null=True,
        blank=True,
        help_text="The key is refused from then on. Blank: it works until it is revoked.",
    )
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    use_count = models.PositiveBigIntegerField("used", default=0, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["site__name", "-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["site", "digest"], name="sites_apikey_unique_per_site")
        ]

    def __str__(self) -> str:
        return f"{self.first_characters}… {self.label}".rstrip()

    @property
    def is_usable(self) -> bool:
        is_expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not is_expired

    def assign(self, key: str) -> None:
        """Take over a key's digest and first characters, before the first save."""
        self.digest, self.first_characters = digest_key(key).hex(), show_start(key)

    # save() rather than update() in both, so that the registry hears of it at once.

    def revoke(self) -> None:
        """Refuse this key from now on; a second call keeps the first one's time."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at"])

    def end(self, moment: datetime) -> None:
        """Refuse this key from `moment` on, unless it ends earlier anyway."""
        if self.expires_at is None or moment < self.expires_at:
            self.expires_at = moment
            self.save(update_fields=["expires_at"])
