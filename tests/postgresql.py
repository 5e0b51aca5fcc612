"""A PostgreSQL server of the test's own, from Debian's package, on a free port of 127.0.0.1.

It refuses to run as root: tests that do start it as another user.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.certificates import Certificate
from tests.e2e.waiting import until
from tests.needs import missing
from tests.redis_process import free_port

USER, PASSWORD = "sioweb", "p@ss/word:1"
UNPRIVILEGED = ("postgres", "nobody")
STOP_SECONDS = 30.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # What makes it slow and safe: nothing here outlives the machine. A commit outlives the
    # server, which tests stop at once: so `synchronous_commit` stays on.
    "fsync": "off",
    "full_page_writes": "off",
}


def _programs() -> Path | None:
    """Debian keeps them by version, out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in [shutil.which("initdb")] if path
    ]
    return found[-1].parent if found else None


def _other_user() -> dict[str, Any]:
    """What Popen needs to run the server where the tests run as root."""
    if os.geteuid() != 0:
        return {}
    known = {each.pw_name: each for each in pwd.getpwall()}
    user = next(known[name] for name in UNPRIVILEGED if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _give_away(path: Path) -> None:
    """Let the server own it."""
    if user := _other_user():
        os.chown(path, user["user"], user["group"])


@dataclass
class PostgreSQL:
    folder: Path
    programs: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    tls: dict[str, str] = field(default_factory=dict)  # settings

    def url(self, database: str, host: str = "127.0.0.1") -> str:
        return f"postgres://{USER}:{quote(PASSWORD, safe='')}@{host}:{self.port}/{database}"

    def encrypt(self, certificate: Certificate) -> None:
        """Let it offer TLS, from its next start on."""
        self.tls = {"ssl": "on"}
        files = {"ssl_cert_file": certificate.file, "ssl_key_file": certificate.key}
        for setting, file in files.items():
            own = Path(shutil.copy(file, self.folder))
            own.chmod(0o600)
            _give_away(own)
            self.tls[setting] = str(own)

    def init(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ["--auth=scram-sha-256", "--locale=C", "--encoding=UTF8", "--no-sync"]
        options += [f"--username={USER}", f"--pwfile={password}", f"--pgdata={self._data}"]
        initdb = self.programs / "initdb"
        subprocess.run(
            [initdb, *options], check=True, capture_output=True, cwd=self.folder, **_other_user()
        )

    async def start(self) -> None:
        self.spawn()
        await until(self._answers, "PostgreSQL answers")

    def spawn(self) -> None:
        chosen = SETTINGS | self.tls | {"port": str(self.port)}
        settings = [f"-c{name}={value}" for name, value in chosen.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self._data, *settings],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_other_user(),
            )

    def stop(self) -> None:
        """End it at once, with all connections. A second call is harmless."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(STOP_SECONDS)
            self.process = None

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server that is made but not started; skips the test where the programs are missing."""
    programs = _programs()
    if programs is None:
        missing("Debian's postgresql")
    assert programs is not None
    # Not below pytest's folder, which nobody but the user who runs the tests may enter.
    with tempfile.TemporaryDirectory(prefix="sioweb-postgresql-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _give_away(folder)
        server = PostgreSQL(folder, programs)
        server.init()
        try:
            yield server
        finally:
            server.stop()
