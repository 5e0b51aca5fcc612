"""The database: is it there, up to date, and the right one for as many machines?"""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from sioweb_project.doctor.findings import Finding, fail, ok, warn
from sioweb_project.migration_check import MigrationCheck

MIGRATE = ".venv/bin/python manage.py migrate"
MOUNTS = Path("/proc/mounts")
NETWORK_FILESYSTEMS = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "fuse.sshfs", "lustre", "afs")


def examine() -> list[Finding]:
    """Blocks: for as long as the server may take to connect."""
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        return look_at(connection)
    finally:
        connection.close()


def look_at(connection: BaseDatabaseWrapper) -> list[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        pending = MigrationCheck(connection).pending()
    except Error as error:
        return [_out_of_reach(connection.vendor, error)]
    return [
        ok("database", f"{connection.vendor} answers"),
        _migrations(pending),
        *_place(connection),
    ]


def _migrations(pending: Sequence[Migration]) -> Finding:
    if pending:
        return fail(
            "migrations", f"{len(pending)} are not applied, the first is {pending[0]}", MIGRATE
        )
    return ok("migrations", "all are applied")


def _out_of_reach(vendor: str, error: Exception) -> Finding:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if vendor == "sqlite":
        mend = "May this user read and write the file and its folder? Is the disk full? df -h"
    else:
        mend = "Is it running? systemctl status postgresql. Is `database` in config.yml, or "
        mend += "SIOWEB_DATABASE_URL, right?"
    return fail("database", f"cannot be used: {reason}", mend)


def _place(connection: BaseDatabaseWrapper) -> list[Finding]:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or not Path(name).is_absolute():
        return []
    kind = filesystem_of(Path(name), MOUNTS.read_text() if MOUNTS.exists() else "")
    if kind.startswith(NETWORK_FILESYSTEMS):
        return [
            fail(
                "database file",
                f"SQLite's file is on a network file system ({kind}), where its locks do not hold",
                "Keep it on a disk of this machine, or use PostgreSQL: SIOWEB_DATABASE_URL.",
            )
        ]
    return [*_several_machines(), ok("database file", f"SQLite on {kind or 'a local disk'}")]


def _several_machines() -> list[Finding]:
    """A Redis elsewhere suggests machines that share it; they would not share the sites."""
    if settings.CONFIG.redis.url is None or is_of_this_machine(settings.CONFIG.redis.url):
        return []
    return [
        warn(
            "database machines",
            "SQLite's sites and keys are this machine's alone, while Redis is elsewhere",
            "With a second machine use PostgreSQL: SIOWEB_DATABASE_URL=postgres://... on each.",
        )
    ]


def is_of_this_machine(redis_url: str) -> bool:
    """Whether nobody but this machine is likely to use it.

    >>> is_of_this_machine("redis://:secret@127.0.0.1:6379/0")
    True
    >>> is_of_this_machine("redis+cluster://10.0.0.1:6379,10.0.0.2:6379/0")
    False
    """
    hosts = redis_url.partition("://")[2].rpartition("@")[2]
    return redis_url.startswith("unix:") or hosts.startswith(("127.", "localhost", "[::1]"))


def filesystem_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that `path` is on, "" if `mounts` does not tell.

    >>> mounts = "/dev/sda1 / ext4 rw 0 0\\nnas:/data /srv/data nfs4 rw 0 0\\n"
    >>> filesystem_of(Path("/srv/data/db.sqlite3"), mounts), filesystem_of(Path("/srv/x"), mounts)
    ('nfs4', 'ext4')
    """
    kinds = {line.split()[1]: line.split()[2] for line in mounts.splitlines() if line}
    above = (str(folder) for folder in (path, *path.parents))
    return next((kinds[folder] for folder in above if folder in kinds), "")
