"""`manage.py doctor`: look at whatever the service depends on, and say what to do."""

import asyncio
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from sioweb_project.doctor import examination, report

# What the system's libraries read, so that nothing waits for minutes: of names and PostgreSQL.
PATIENCE = {"RES_OPTIONS": "timeout:2 attempts:1", "PGCONNECT_TIMEOUT": "5"}


class Command(BaseCommand):
    help = (
        "Look at Redis, database, backplane, every site's authUrl, clocks, limits and the "
        "configuration. Exit code 1 when anything fails. Changes no data."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *, json: bool, **options: Any) -> None:
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        with import_string(settings.SERVE_WITHIN)():
            findings = asyncio.run(examination.examine())
        lines = [report.as_json(findings)] if json else report.as_text(findings)
        for line in lines:
            self.stdout.write(line)
        if not report.is_well(findings):
            sys.exit(1)
