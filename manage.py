#!/usr/bin/env python
"""Django's command line: `serve`, `seed_sites`, `migrate`, `check` and the rest."""

import gc
import os
import sys

from sioweb_project.config import ConfigError
from sioweb_project.lean_imports import import_lean

# A start makes some 300,000 objects, nearly all of which stay: looking through them again and
# again meanwhile would take a fifth of it.
OBJECTS_BETWEEN_LOOKS = 100_000


def main() -> None:
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    import_lean()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
