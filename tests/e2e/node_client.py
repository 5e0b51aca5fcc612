"""The official JavaScript clients, in a Node process that `client.js` drives.

A `NodeProcess` holds any number of `NodeClient`s. What a client hears is kept in one
queue a kind until a test asks for it, so that nothing is missed and order holds.
"""

import asyncio
import itertools
import json
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.e2e.events import Event
from tests.e2e.waiting import WAIT_SECONDS
from tests.needs import missing

FOLDER = Path(__file__).parent
LINE_LIMIT_BYTES = 64 * 1024 * 1024  # a batch is one line

Report = dict[str, Any]


def require_node() -> None:
    """Skip the test where Node or its modules are missing; in CI that is a failure."""
    if not (shutil.which("node") and (FOLDER / "node_modules" / "socket.io-client").is_dir()):
        missing("Node and `npm ci` in tests/e2e")


async def start_script(name: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start a script of this folder under Node, its stdin and stdout being pipes."""
    require_node()
    return await asyncio.create_subprocess_exec(
        "node",
        str(FOLDER / name),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_LIMIT_BYTES,
    )


@dataclass
class NodeClient:
    """One Socket.IO client. Every wait has an end."""

    process: "NodeProcess"
    name: str
    history: list[Report] = field(default_factory=list)  # of every kind, in order
    _heard: dict[str, "asyncio.Queue[Report]"] = field(
        default_factory=lambda: defaultdict(asyncio.Queue)
    )

    async def next(self, kind: str, seconds: float = WAIT_SECONDS) -> Report:
        """The next report of this kind that no test has asked for yet."""
        try:
            return await asyncio.wait_for(self._heard[kind].get(), seconds)
        except TimeoutError:
            raise AssertionError(f"no {kind} within {seconds} s; {self._unread()}") from None

    async def event(self, seconds: float = WAIT_SECONDS) -> Event:
        report = await self.next("event", seconds)
        return Event(
            report["event"],
            report["args"],
            wants_ack=report["ack"] is not None,
            number=-1 if report["ack"] is None else report["ack"],
        )

    async def events(self, count: int) -> list[Event]:
        return [await self.event() for _ in range(count)]

    def has_heard(self, kind: str) -> bool:
        """Whether a report of this kind has come that no test has asked for yet."""
        return not self._heard[kind].empty()

    def ack(self, event: Event, *args: Any) -> None:
        """Call the event's callback, which `withhold_acks` has left to the test."""
        self._command("ack", number=event.number, args=args)

    def emit(self, event: str, *args: Any) -> None:
        self._command("emit", event=event, args=args)

    def connect(self) -> None:
        self._command("connect")

    async def disconnect(self) -> None:
        """Leave the namespace, as a page that calls `socket.disconnect()`."""
        self._command("disconnect")
        await self.next("disconnect")

    def cut(self) -> None:
        """Let the network go away: the connection ends without a word."""
        self._command("cut")

    def heard(self, report: Report) -> None:
        self.history.append(report)
        self._heard[report["kind"]].put_nowait(report)

    def _unread(self) -> str:
        return f"unread: { {kind: queue.qsize() for kind, queue in self._heard.items()} }"

    def _command(self, command: str, **fields: Any) -> None:
        self.process.write({"command": command, "client": self.name} | fields)


@dataclass
class NodeProcess:
    process: asyncio.subprocess.Process
    _clients: dict[str, NodeClient] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _reader: "asyncio.Task[None] | None" = None
    _all_are_closed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def start(cls) -> Self:
        node = cls(await start_script("client.js"))
        node._reader = asyncio.create_task(node._read())
        return node

    def open(
        self,
        url: str,
        *,
        fallback: str = "",
        version: int = 4,
        withhold_acks: bool = False,
        **options: Any,
    ) -> NodeClient:
        """Make a client and let it connect; `options` are those of `io(url, options)`.

        It comes again at `fallback`, another process' URL, where there is one.
        """
        name = str(next(self._numbers))
        client = self._clients[name] = NodeClient(self, name)
        self.write(
            {
                "command": "open",
                "client": name,
                "version": version,
                "url": url,
                "fallback": fallback,
                "withholdAcks": withhold_acks,
                "options": {"forceNew": True} | options,
            }
        )
        return client

    def write(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    async def close_all(self) -> None:
        """Let all clients go, so that nothing of them is left for the next test."""
        self._clients.clear()
        self._all_are_closed.clear()
        self.write({"command": "closeAll"})
        await asyncio.wait_for(self._all_are_closed.wait(), WAIT_SECONDS)

    async def stop(self) -> None:
        """End the process, and with it all connections, without a word."""
        assert self.process.stdin is not None
        assert self._reader is not None
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), WAIT_SECONDS)
        finally:
            await self._reader

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            report = json.loads(line)
            if report["kind"] == "all closed":
                self._all_are_closed.set()
            elif client := self._clients.get(report["client"]):  # else it has been let go
                client.heard(report)
