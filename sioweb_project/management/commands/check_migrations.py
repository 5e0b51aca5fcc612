"""`manage.py check_migrations`: may they be applied while an older release runs?

One line each: `pending app.name`; `unknown app.name`, applied by a release that has more than
this one; `refused app.name: ...`, what an older release would not survive. docs/deploying.md.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations import Migration

from sioweb_project.migration_check import MigrationCheck


class Command(BaseCommand):
    help = "Tell which migrations are pending, and which an older release would not survive."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "names", nargs="*", metavar="app.name", help="judge these, which have been applied"
        )

    def handle(self, *, names: list[str], **options: Any) -> None:
        check = MigrationCheck(connection)
        pending = check.pending()
        for migration in pending:
            self.stdout.write(f"pending {migration}")
        for name in check.unknown():
            self.stdout.write(f"unknown {name}")
        for migration in [_find(check, name) for name in names] if names else pending:
            for objection in check.objections(migration):
                self.stdout.write(f"refused {objection}")


def _find(check: MigrationCheck, name: str) -> Migration:
    migration = check.find(name)
    if migration is None:
        raise CommandError(f"{name!r}: this release has no such migration")
    return migration
