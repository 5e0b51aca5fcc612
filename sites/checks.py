"""System checks: `manage.py check` reads sites.yml as the next start would."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error

from sites.entries import SitesFileError
from sites.sites_file import read_sites_given

HINT = "Correct it and run `manage.py seed_sites --dry-run` to see what it would change."


def check_sites_file(**_: Any) -> Sequence[CheckMessage]:
    try:
        read_sites_given()
    except SitesFileError as error:
        return [Error(str(error), hint=HINT, id="sites.E001")]
    return []
