"""Workers that are kept running, whatever happens while they start or stop."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from delivery import workers
from delivery.workers import Workers, listen
from tests.delivery.socket_fixtures import until

# It tells what happens to it, and is ready once the file `may_start` is there.
PROGRAM = """#!{python}
import os, signal, sys, time
from pathlib import Path

folder = Path({folder!r})

def tell(what):
    with (folder / "log").open("a") as log:
        log.write(f"{{what}} {{os.getpid()}}\\n")

def stop(*_):
    tell("ended")
    os._exit(0)

signal.signal(signal.SIGTERM, stop)
tell("started")
while not (folder / "may_start").exists():
    time.sleep(0.01)
print("Listening on x", flush=True)
sys.stdin.read()
tell("orphaned")
"""


@dataclass
class Program:
    """What each worker runs, and two of them."""

    folder: Path
    workers: Workers
    running: asyncio.Task[None]
    ready: asyncio.Event

    @property
    def file(self) -> Path:
        return self.folder / "program"

    def pids(self, what: str) -> list[int]:
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(what)]

    def hold_up_starts(self) -> None:
        (self.folder / "may_start").unlink()

    async def end(self) -> None:
        if not self.running.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await self.running


@pytest_asyncio.fixture
async def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Program]:
    monkeypatch.setattr(workers, "RESTART_SECONDS", 0.01)
    (tmp_path / "may_start").touch()
    file = tmp_path / "program"
    file.write_text(PROGRAM.format(python=sys.executable, folder=str(tmp_path)))
    file.chmod(0o755)
    listeners = listen("127.0.0.1", 0, 2)
    ready = asyncio.Event()
    kept = Workers([str(file)], listeners)
    program = Program(tmp_path, kept, asyncio.create_task(kept.run(ready.set)), ready)
    yield program
    await program.end()
    for each in (*listeners, *(end for pair in kept._mail for end in pair)):
        each.close()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_stop_while_a_worker_is_replaced_ends_the_old_one_too(program: Program) -> None:
    await program.ready.wait()
    program.hold_up_starts()
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: len(program.pids("started")) == 3)
    await program.end()
    assert sorted(program.pids("ended")) == sorted(program.pids("started"))


async def test_worker_is_started_again_though_its_program_was_away_for_a_moment(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    await program.ready.wait()
    moved = program.file.rename(program.folder / "away")
    os.kill(program.pids("started")[0], signal.SIGKILL)
    await until(lambda: "No such file" in caplog.text)
    moved.rename(program.file)
    await until(lambda: len(program.pids("started")) == 3)


async def test_stop_while_the_workers_start_ends_them(program: Program) -> None:
    program.hold_up_starts()
    await until(lambda: len(program.pids("started")) == 2)
    await program.end()
    assert not program.ready.is_set()
    assert sorted(program.pids("ended")) == sorted(program.pids("started"))
