"""One server, over ssh: commands, files, programs of `remote/`, and the lock of a deploy."""

import getpass
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import join, quote
from typing import Any

from fabric import Connection
from invoke.exceptions import CommandTimedOut
from paramiko import RejectPolicy
from paramiko.ssh_exception import SSHException

from config.deploy.rollout.environments import Environment
from config.deploy.rollout.exceptions import Failure
from config.deploy.rollout.interrupts import Interrupts

CONNECT_SECONDS = 15
COMMAND_SECONDS = 900  # an environment that is built on a slow machine
REMOTE = Path(__file__).parent / "remote"
SHOWN_LINES = 25  # of what a command said before it failed
BROKEN = (SSHException, OSError, EOFError)  # what a connection ends with
NO_EXIT_CODE = -1
HELD = 1  # flock's exit code when somebody else has the lock
# Its process group, with all that it has started, ends with the input: nobody is there any more.
ENDS_WITH_INPUT = (
    "exec 3<&0; (read _; kill 0) <&3 >/dev/null 2>&1 & ({command}) 3<&-;"
    " ended=$?; kill $!; exit $ended"
)


@dataclass(frozen=True)
class Host:
    name: str
    environment: Environment
    _connection: Any
    _interrupts: Interrupts

    def run(self, command: str, called: str = "") -> str:
        """Return what it writes to stdout. Raises Failure with what it said; `called` stands
        there for a command that nobody wants to read."""
        ended = self._run(command, called or command)
        if ended.failed:
            said = (ended.stdout + ended.stderr).strip().splitlines()[-SHOWN_LINES:]
            failed = f"{self.name}: exit code {ended.exited} of: {called or command}"
            raise Failure("\n  ".join([failed, *said]))
        return str(ended.stdout)

    def run_while_connected(self, command: str) -> None:
        """As `run`, for what may be ended at any moment: Ctrl-C and a lost connection do."""
        script = ENDS_WITH_INPUT.format(command=command)
        self.run(f"sh -c {quote(script)}", called=command)

    def succeeds(self, command: str) -> bool:
        return bool(self._run(command, command).ok)

    def program(self, name: str, *arguments: str) -> str:
        """The command that runs `remote/NAME` there; nothing of a release is needed for it."""
        text = (REMOTE / name).read_text("utf-8")
        return join([self.environment.python, "-c", text, *arguments])

    def put(self, file: Path, path: str) -> None:
        try:
            self._connection.put(str(file), path)
        except BROKEN as error:
            raise Failure(f"{self.name}: cannot write {path}: {error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the server to oneself. The lock is the kernel's and ends with the connection, so
        that a deploy that was killed leaves none."""
        try:
            channel = self._lock()
        except BROKEN as error:
            raise Failure(f"{self.name}: cannot lock: {error}") from error
        try:
            yield
        finally:
            with suppress(*BROKEN):  # it has ended the lock as well
                channel.shutdown_write()
                channel.recv_exit_status()
                channel.close()

    def _lock(self) -> Any:
        """The channel of a program that has the lock as long as its input is open."""
        file = quote(f"{self.environment.base}/deploy.lock")
        owner = quote(f"{getpass.getuser()}@{socket.gethostname()}")
        script = f'echo {owner}, since "$(date -u +%FT%TZ)" >{file}; echo locked; exec cat'
        channel = self._connection.transport.open_session(timeout=CONNECT_SECONDS)
        channel.settimeout(CONNECT_SECONDS)
        channel.exec_command(f"flock -n -E {HELD} {file} sh -c {quote(script)}")
        if channel.makefile().readline().strip() != "locked":
            raise self._not_locked(channel, file)
        return channel

    def _not_locked(self, channel: Any, file: str) -> Failure:
        if channel.recv_exit_status() == HELD:
            return Failure(f"{self.name}: another deploy runs: {self.run(f'cat {file}').strip()}")
        return Failure(f"{self.name}: cannot lock: {channel.makefile_stderr().read().decode()}")

    def _run(self, command: str, called: str) -> Any:
        try:
            self._interrupts.raise_if_due()
            promise = self._connection.run(
                command, timeout=COMMAND_SECONDS, warn=True, asynchronous=True
            )
            with self._interrupts.closing_input_of(promise.runner.channel):
                ended = promise.join()
            self._interrupts.raise_if_due()
            if ended.exited == NO_EXIT_CODE:
                raise EOFError("no answer")
        except CommandTimedOut as error:
            raise Failure(f"{self.name}: not done in {COMMAND_SECONDS} s: {called}") from error
        except BROKEN as error:
            raise Failure(f"{self.name}: the connection broke at: {called}: {error}") from error
        return ended


@contextmanager
def connected(environment: Environment, config: Any) -> Iterator[Sequence[Host]]:
    """All hosts of the environment, or Failure."""
    with ExitStack() as stack:
        hosts = []
        interrupts = Interrupts()
        for name in environment.hosts:
            connection = Connection(name, config=config, connect_timeout=CONNECT_SECONDS)
            # Fabric would take any key of a server for granted.
            connection.client.load_system_host_keys()
            connection.client.set_missing_host_key_policy(RejectPolicy())
            stack.callback(connection.close)
            _open(name, connection)
            address = name.rpartition("@")[2]
            hosts.append(Host(address, environment, connection, interrupts))
        with interrupts.held_back():
            yield hosts


def _open(name: str, connection: Any) -> None:
    try:
        connection.open()
    except (*BROKEN, ValueError) as error:
        hint = f"does `ssh {name}` work without a password?"
        raise Failure(f"{name}: cannot connect: {error}; {hint}") from error
