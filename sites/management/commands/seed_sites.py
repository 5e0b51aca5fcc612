"""`manage.py seed_sites`: sites.yml into the database. Runs at each start."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from sites.entries import SiteEntry, SitesFileError
from sites.seeding import seed
from sites.sites_file import read_sites_file, read_sites_given

WRONG_CONFIGURATION = 2  # exit code


class Command(BaseCommand):
    help = """\
Create the sites of sites.yml that are not there yet, with their keys. When SITE_NAME
is set, that one site is taken from SITE_NAME, AUTH_URL, AUTH_SCHEME, API_KEY,
USER_ROOM_PREFIX, UPDATE_USER_URL and PUBLIC_CHANNEL in place of the file.

Sites that are there keep what was changed in the admin, unless --update is given;
differences are printed. Nothing is ever removed: take a site out of sites.yml and
delete it in the admin. A site that is deleted in the admin only comes back at the
next start; disable it instead, as a disabled site stays disabled."""
    # A wrong sites.yml is to be one line and exit code 2, not the report of a system check.
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs["formatter_class"] = argparse.RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--update",
            action="store_true",
            help="also overwrite the fields that the file gives for sites that are there, and add "
            "its keys that are missing or revoked",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print the changes and make none"
        )
        parser.add_argument(
            "--file",
            type=Path,
            metavar="PATH",
            help="read this file, whatever the environment says",
        )

    def handle(
        self, *args: Any, update: bool, dry_run: bool, file: Path | None, **options: Any
    ) -> None:
        entries = self._read(file)
        try:
            changes = seed(entries, update=update, dry_run=dry_run)
        except DatabaseError as error:
            text = f"The database cannot be used: {error}".rstrip()
            raise CommandError(f"{text}; manage.py migrate makes its tables") from error
        for line in [str(change) for change in changes] or ["Sites are up to date."]:
            self.stdout.write(line)

    def _read(self, file: Path | None) -> dict[str, SiteEntry]:
        if file is not None and not file.exists():
            raise CommandError(f"{file}: no such file", returncode=WRONG_CONFIGURATION)
        try:
            return read_sites_given() if file is None else read_sites_file(file)
        except SitesFileError as error:
            raise CommandError(str(error), returncode=WRONG_CONFIGURATION) from error
