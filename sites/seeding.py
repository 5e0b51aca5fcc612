"""Entries of sites.yml into the database, without undoing what an admin has changed.

Called by `seed_sites`, at each start of each process.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import transaction

from sites.entries import SiteEntry, field_name, show_value
from sites.keys import show_start
from sites.models import ApiKey, Site

KEY_LABEL = "sites.yml"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the entries and the database; `text` is its line in a diff."""

    text: str
    is_made: bool  # False: left as the admin has it

    def __str__(self) -> str:
        return self.text if self.is_made else f"{self.text} (left alone; --update applies it)"


def seed(
    entries: Mapping[str, SiteEntry], *, update: bool = False, dry_run: bool = False
) -> list[Change]:
    """Create missing sites with their keys; with `update`, change the others as well.

    One transaction, which `dry_run` rolls back. Several processes may seed at once. A
    field that an entry does not mention is left alone, and no site or key is removed.
    """
    with transaction.atomic():
        changes = [
            change
            for name, entry in entries.items()
            for change in _seed_site(name, entry, update=update)
        ]
        if dry_run:
            transaction.set_rollback(True)
    return changes


def _seed_site(name: str, entry: SiteEntry, *, update: bool) -> Iterator[Change]:
    site, is_new = Site.objects.get_or_create(name=name, defaults=entry.site_fields())
    if is_new:
        yield Change(f"+ {name}", is_made=True)
    else:
        yield from _seed_fields(site, entry, update=update)
    yield from _seed_keys(site, entry, update=is_new or update)


def _seed_fields(site: Site, entry: SiteEntry, *, update: bool) -> Iterator[Change]:
    different = {
        attribute: value
        for attribute, value in entry.given_fields().items()
        if getattr(site, attribute) != value
    }
    for attribute, new in different.items():
        old = getattr(site, attribute)
        path = f"{site.name}.{field_name(attribute)}"
        yield Change(f"~ {path}: {show_value(old)} -> {show_value(new)}", is_made=update)
        setattr(site, attribute, new)
    if different and update:
        site.save()


def _seed_keys(site: Site, entry: SiteEntry, *, update: bool) -> Iterator[Change]:
    for key in entry.api_keys:
        if site.api_keys.usable().with_text(key).exists():
            continue
        if update:
            ApiKey.objects.add(site, key, KEY_LABEL, is_from_file=True)
        yield Change(f"+ {site.name}.apiKey: {show_start(key)}…", is_made=update)
