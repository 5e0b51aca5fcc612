"""The service as its users run it: `manage.py serve` in a process of its own.

An `Installation` is a folder of configuration and data; a `Service` is a process that
runs on it. One installation can be started again, and commands run beside it.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession, ClientTimeout

from tests.e2e.leaks import assert_no_secrets, keep_arguments, keep_options, keep_secret
from tests.e2e.waiting import WAIT_SECONDS

PROJECT = Path(__file__).parents[2]
MANAGE = str(PROJECT / "manage.py")
START_SECONDS = 60.0  # a busy machine included
STOP_SECONDS = 30.0  # what the contract gives it
LISTENING = "Listening on "
FAILURE = re.compile(r'Traceback| (ERROR|CRITICAL) |"level":"(error|critical)"')
SERVER = os.environ.get("E2E_SERVER", "daphne")  # or uvicorn, to try everything on that
# Variables of the test process that would reach into the service's configuration.
FOREIGN_VARIABLES = (
    "SIOWEB_",
    "NODE_ENV",
    "PORT",
    "REDIS_URL",
    "DEVICE_TTL",
    "SITE_NAME",
    "DJANGO",
)

Sites = Mapping[str, Mapping[str, Any]]
Config = Mapping[str, Any]


@dataclass(frozen=True)
class Installation:
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)  # of the environment, beside its own

    @classmethod
    def create(cls, folder: Path, sites: Sites, config: Config) -> "Installation":
        """Write `sites` and the production section `config` below `folder`."""
        installation = cls(folder)
        installation.config_dir.mkdir(parents=True)
        installation.write_sites(sites)
        installation.write_config(config)
        return installation

    @property
    def config_dir(self) -> Path:
        return self.folder / "config"

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def write_sites(self, sites: Sites) -> None:
        keep_options(sites)
        (self.config_dir / "sites.yml").write_text(yaml.safe_dump(_plain(sites)))

    def write_config(self, config: Config) -> None:
        keep_options(config)
        text = yaml.safe_dump({"production": _plain(config)})
        (self.config_dir / "config.yml").write_text(text)

    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_VARIABLES)}
        return own | {
            "SIOWEB_CONFIG_DIR": str(self.config_dir),
            "SIOWEB_DATA_DIR": str(self.data_dir),
            **self.variables,
        }

    async def manage(self, *arguments: str) -> str:
        """Run a command of manage.py beside the service; return what it prints."""
        code, output = await self._run(arguments, START_SECONDS, asyncio.subprocess.STDOUT)
        assert code == 0, output
        return output

    async def doctor(self) -> tuple[int, dict[str, Any]]:
        """Run it beside the service; return its exit code and its report."""
        code, output = await self._run(("doctor", "--json"), 2 * WAIT_SECONDS)
        return code, json.loads(output)

    async def _run(
        self, arguments: Sequence[str], seconds: float, stderr: int | None = None
    ) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            MANAGE,
            *arguments,
            env=self.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
        assert_no_secrets(output.decode())
        assert process.returncode is not None
        return process.returncode, output.decode()

    async def start(self, port: int = 0, *arguments: str) -> "Service":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            MANAGE,
            *("serve", "--host", "127.0.0.1", "--port", str(port), "--server", SERVER, *arguments),
            env=self.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        service = Service(self, process)
        await service.begin()
        return service


@dataclass
class Service:
    installation: Installation
    process: asyncio.subprocess.Process
    output: list[str] = field(default_factory=list)  # lines of stdout and stderr
    errors: list[str] = field(default_factory=list)  # those of stderr
    url: str = ""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _readers: list["asyncio.Task[None]"] = field(default_factory=list)
    _session: ClientSession | None = None

    async def begin(self) -> None:
        """Wait until the service says where it listens."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for stream, lines in ((self.process.stdout, []), (self.process.stderr, self.errors)):
            self._readers.append(asyncio.create_task(self._read(stream, lines)))
        line = await self.says(LISTENING, START_SECONDS)
        self.url = line.removeprefix(LISTENING)
        self._session = ClientSession(self.url, timeout=ClientTimeout(total=WAIT_SECONDS))

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def http(self) -> ClientSession:
        """For calls that are not to be right; `send` is for those that are."""
        assert self._session is not None
        return self._session

    def namespace(self, site: str = "newsite", **query: str) -> str:
        """The URL that a Socket.IO client is given."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return f"{self.url}/{site}" + (f"?{text}" if text else "")

    async def send(
        self,
        rooms: str | list[str],
        event: str,
        *args: Any,
        site: str = "newsite",
        key: str = "54321",
        **query: str,
    ) -> dict[str, Any]:
        """Call `/send` as a site's backend does; return the answer, which has to be 200."""
        parameters = {"site": site, "apiKey": key} | query
        keep_secret(parameters["apiKey"])
        keep_arguments(args)
        body = json.dumps({"rooms": rooms, "event": event, "args": args})
        headers = {"Content-Type": "application/json"}
        async with self.http.post(
            "/send", params=parameters, data=body, headers=headers
        ) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def says(self, text: str, seconds: float = WAIT_SECONDS) -> str:
        """Wait for a line of output that has `text` in it, or return the first that had."""
        lines: Callable[[], list[str]] = lambda: [line for line in self.output if text in line]  # noqa: E731
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: lines() or self._has_ended())
        except TimeoutError:
            raise AssertionError(f"{text!r} is not in its output: {self.output}") from None
        assert lines(), f"the service ended without saying {text!r}: {self.output}"
        return lines()[0]

    async def stop(self, sign: int = signal.SIGTERM) -> int:
        """End the process; return its exit code. A second call is harmless."""
        if self.process.returncode is None:
            self.process.send_signal(sign)
        try:
            return await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError(f"did not end in {STOP_SECONDS} s: {self.output[-20:]}") from None
        finally:
            await asyncio.gather(*self._readers)
            await self.http.close()
            assert_no_secrets("\n".join(self.output))

    @property
    def failures(self) -> list[str]:
        """Lines of output that a person would have to look at."""
        return [line for line in self.output if FAILURE.search(line)]

    def _has_ended(self) -> bool:
        return all(reader.done() for reader in self._readers)

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            async with self._news:
                for heard in (self.output, lines):
                    heard.append(line.decode().rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()


def _plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _plain(v) if isinstance(v, Mapping) else v for k, v in mapping.items()}
