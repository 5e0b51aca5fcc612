"""Sites and their API keys, as the database and sites.yml have them."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from sioweb_project.doctor.findings import Finding, fail, ok, warn
from sites.entries import SitesFileError
from sites.models import ApiKey, Site
from sites.sites_file import read_sites_given

SOON = timedelta(days=7)
IN_ADMIN = "in the admin, under API keys"


def examine() -> list[Finding]:
    """Blocks. Raises DatabaseError."""
    if not Site.objects.enabled().exists():
        return [warn("sites", "no site is enabled", "Add one in the admin, or in sites.yml.")]
    found = [*_without_keys(), *_ending(), *_of_file()]
    return found or [ok("sites", "each has a key that works for a week and more")]


def _without_keys() -> Iterator[Finding]:
    with_keys = ApiKey.objects.usable().values("site")
    for site in Site.objects.enabled().exclude(pk__in=with_keys):
        yield warn("API keys", f"{site} has none: nobody can send", f"Add one {IN_ADMIN}.")


def _ending() -> Iterator[Finding]:
    ending = ApiKey.objects.usable().filter(
        expires_at__lte=timezone.now() + SOON, site__is_enabled=True
    )
    for key in ending.select_related("site"):
        yield warn(
            "API keys",
            f"{key} of {key.site} ends {key.expires_at:%Y-%m-%d %H:%M} UTC",
            f"Give its sender a new one: Rotate {IN_ADMIN}.",
        )


def _of_file() -> Iterator[Finding]:
    """The only keys that can be tried are those of sites.yml: the database has digests."""
    try:
        entries = read_sites_given()
    except SitesFileError as error:
        yield fail("sites.yml", str(error), "Correct it: .venv/bin/python manage.py check")
        return
    for name, entry in entries.items():
        own = ApiKey.objects.filter(site__name=name, site__is_enabled=True)
        from_file = own.filter(is_from_file=True).usable()
        if from_file and not any(from_file.with_text(key) for key in entry.api_keys):
            yield fail(
                "secret key",
                f"the keys of {name} in sites.yml are not those in the database: they were changed "
                "in the file, or the secret key is not the one they were stored with",
                "Bring the old secret key back (docs/backup.md), or take over the file's keys: "
                ".venv/bin/python manage.py seed_sites --update",
            )
