"""`manage.py runserver`: Django's own would serve pages, and deliver no message.

It stands in for daphne's as `delivery` comes before `daphne` in INSTALLED_APPS.
"""

from argparse import ArgumentParser
from typing import Never

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Not for this service: use serve."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", nargs="?")

    def handle(self, **_: object) -> Never:
        raise CommandError(
            "runserver delivers no messages: start it by `make serve`, or `manage.py serve`."
        )
