"""`manage.py import_node`: the configuration of a Node service becomes that of this one."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from sioweb_project.exceptions import ConfigError
from sioweb_project.node_import.config_import import import_config, is_of_later_version
from sioweb_project.node_import.findings import LEGEND, Finding
from sioweb_project.node_import.installation import CONFIG_FILE, SITES_FILE, find_files
from sioweb_project.node_import.sites_import import (
    GENERATIONS,
    Generation,
    ImportedSites,
    has_later_fields,
    import_sites,
    read_sites,
)
from sioweb_project.node_import.writing import NewFile, plan, refuse_to_replace, write
from sites.entries import SiteEntry, SitesFileError
from sites.models import Site
from sites.seeding import seed

WRONG_CONFIGURATION = 2  # exit code


class Command(BaseCommand):
    help = (
        "Take over config.yml and sites.yml of a Node service: say what becomes of each line, "
        "write both to the configuration folder, and make the sites."
    )
    # The configuration folder may be wrong or empty still.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the Node service's folder")
        parser.add_argument("--dry-run", action="store_true", help="say all, and change nothing")
        parser.add_argument(
            "--force",
            action="store_true",
            help="replace files that are there, which are kept beside, and update sites that are",
        )
        parser.add_argument(
            "--generation",
            choices=GENERATIONS,
            help="early: clients listen to batch and resync; later: to _batch and _resync. If not "
            "given it is told by device_ttl, updateUserUrl and publicChannel, which are later",
        )

    def handle(self, *args: Any, path: Path, dry_run: bool, force: bool, **options: Any) -> None:
        """1. Read and check all. 2. Say what becomes of it. 3. Write files and make sites; no
        site where a file cannot be written."""
        try:
            files, sites = self._read(path, options["generation"])
            new_files = plan(settings.CONFIG.config_dir, files)
            if dry_run:
                self._rehearse(new_files, sites, force=force)
                return
            if not force:
                refuse_to_replace(new_files)
            self._apply(new_files, sites, force=force)
        except (ConfigError, SitesFileError) as error:
            raise CommandError(str(error), returncode=WRONG_CONFIGURATION) from error

    def _read(
        self, path: Path, generation: Generation | None
    ) -> tuple[dict[str, object], ImportedSites]:
        found = find_files(path.absolute())
        sections, findings = ({}, []) if found.config is None else import_config(found.config)
        given = read_sites(found.sites)
        is_later = is_of_later_version(sections) or has_later_fields(given)
        chosen = generation or ("later" if is_later else "early")
        sites = import_sites(given, found.sites or path, chosen)
        self._say_all(found.config, findings)
        self._say_all(found.sites, sites.findings)
        self.stdout.write(_about_generation(chosen, is_given=generation is not None))
        files: dict[str, object] = {}
        if found.config is not None:
            files[CONFIG_FILE] = sections
        if found.sites is not None:
            files[SITES_FILE] = sites.fields
        return files, sites

    def _rehearse(self, files: list[NewFile], sites: ImportedSites, *, force: bool) -> None:
        for each in files:
            self.stdout.write(f"{each}, {each.need}")
        # A database that has never been used has no tables, and no sites that differ.
        if Site._meta.db_table in connection.introspection.table_names():
            self._seed(sites.entries, force=force, dry_run=True)
        else:
            self.stdout.write("".join(f"+ {name}\n" for name in sites.entries), ending="")
        self.stdout.write("Nothing was changed (--dry-run).")

    def _apply(self, files: list[NewFile], sites: ImportedSites, *, force: bool) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        with transaction.atomic():
            self._seed(sites.entries, force=force)
            for each, kept in zip(files, write(files), strict=True):
                self.stdout.write(f"{each}{f', the former one is {kept.name}' if kept else ''}")
        if not files:
            self.stdout.write("Files are up to date.")

    def _seed(self, entries: dict[str, SiteEntry], *, force: bool, dry_run: bool = False) -> None:
        changes = seed(entries, update=force, dry_run=dry_run)
        for line in [str(change) for change in changes] or ["Sites are up to date."]:
            self.stdout.write(line.replace("--update", "--force"))

    def _say_all(self, file: Path | None, findings: list[Finding]) -> None:
        if file is None:
            return
        self.stdout.write(f"{file}   ({LEGEND})")
        for each in findings:
            self.stdout.write(f"  {each}")


def _about_generation(generation: Generation, *, is_given: bool) -> str:
    events = "_batch and _resync" if generation == "later" else "batch and resync"
    text = f"Clients hear {events}, as from the {generation} Node versions"
    if is_given:
        return f"{text}."
    other = "early" if generation == "later" else "later"
    return f"{text}; if yours listen to the others, add --generation {other}."
