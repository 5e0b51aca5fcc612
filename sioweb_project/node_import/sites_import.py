"""The Node service's sites.yml to ours: the same fields, and which names its events have.

May import what reads our sites.yml, which checks what is taken over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sioweb_project.node_import.findings import Finding
from sites.entries import FIELD_NAMES, SiteEntry, check_entries, show_value
from sites.sites_file import load_sites_file

Generation = Literal["early", "later"]
GENERATIONS: tuple[Generation, ...] = ("early", "later")

PREFIXED = "prefixedSystemEvents"
LATER_FIELDS = frozenset({"updateUserUrl", "publicChannel"})
DIFFERENT = {
    "updateUserUrl": "told of users, not of sockets, and without Authorization",
    "publicChannel": "kept, but a shared room like any other: let authUrl name it",
}


@dataclass
class ImportedSites:
    entries: dict[str, SiteEntry] = field(default_factory=dict)
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)  # what is to be written
    findings: list[Finding] = field(default_factory=list)


def read_sites(file: Path | None) -> dict[str, Any]:
    """Return `{site: fields}` as they stand there. Raises SitesFileError."""
    data = None if file is None else load_sites_file(file)
    return {} if data is None else _checked_names(data, str(file))


def has_later_fields(sites: Mapping[str, Any]) -> bool:
    return any(LATER_FIELDS & site.keys() for site in sites.values() if isinstance(site, dict))


def import_sites(sites: Mapping[str, Any], file: Path, generation: Generation) -> ImportedSites:
    """Check all, so that nothing is done when one is wrong. Raises SitesFileError."""
    imported = ImportedSites()
    for name, site in sites.items():
        if isinstance(site, dict):
            imported.fields[name] = fields = dict(site)
            imported.findings += _import_site(name, fields, generation)
        else:
            imported.fields[name] = site
    imported.entries = check_entries(imported.fields, str(file))
    return imported


def _checked_names(data: object, origin: str) -> dict[str, Any]:
    if isinstance(data, dict) and all(isinstance(name, str) for name in data):
        return data
    check_entries(data, origin)  # says what is wrong with it
    return {}


def _import_site(name: str, fields: dict[str, Any], generation: Generation) -> Iterator[Finding]:
    """Change the fields in place to what they are to be here."""
    for each in [each for each in fields if each not in FIELD_NAMES]:
        del fields[each]
        yield Finding("-", f"{name}.{each}", "no field of the Node service or of this one")
    for each, value in list(fields.items()):
        if value in ("", None) and each not in ("authUrl", "apiKey"):
            del fields[each]
            yield Finding("-", f"{name}.{each}", "empty, it has its default")
        elif each in DIFFERENT:
            yield Finding("~", f"{name}.{each}", f"{show_value(value)}, {DIFFERENT[each]}")
        else:
            text = "***" if each == "apiKey" else show_value(value)
            yield Finding("=", f"{name}.{each}", text)
    if "authScheme" not in fields:
        yield Finding("~", f"{name}.authScheme", "not said: Bearer, where Node sent undefined")
    if generation == "later" and PREFIXED not in fields:
        fields[PREFIXED] = True
        text = "true is added, so that clients hear _batch, _resync and _settings"
        yield Finding("~", f"{name}.{PREFIXED}", text)
