"""A deploy, one that fails, and a rollback, while clients are connected and a site sends.

All goes through the site of `config/deploy/nginx.conf`, in front of two processes. Each group of
clients has a sender, whose messages are numbered and stored for each of them; who missed one shows
it by a gap.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.certificates import trusting
from tests.deploy.checkout import Ended
from tests.deploy.machine import Machine
from tests.e2e.deployed_site import DeployedSite
from tests.faults.crowd import Crowd, Status
from tests.faults.crowded_sites import CrowdedSites
from tests.faults.figures import Figures
from tests.faults.processes import RedisProgram
from tests.faults.sender import Sender

SITE = "deploy"
GROUP_SIZE = 50
PAUSE_SECONDS = 1.0  # of each sender between two messages
DELIVER_SECONDS = 30.0  # in which a sender who repeats must be heard
BACK_SECONDS, CONNECT_SECONDS = 10.0, 120.0
MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sites", "{after}")]
    operations = [migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)]
"""


@dataclass
class Group:
    name: str
    sender: Sender
    failed: int = 0  # messages that were not accepted, however often they were repeated
    is_told_to_stop: bool = False

    async def send(self) -> None:
        async with self.sender.opened():
            while not self.is_told_to_stop:
                try:
                    await asyncio.wait_for(self.sender.deliver(), DELIVER_SECONDS)
                except TimeoutError:
                    self.failed += 1
                await asyncio.sleep(PAUSE_SECONDS)


@dataclass
class Scenario:
    """`is_timed` = how long clients are away is promised, too."""

    machine: Machine
    crowd: Crowd
    figures: Figures
    is_timed: bool
    groups: list[Group] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)  # of fab, by step

    @classmethod
    @asynccontextmanager
    async def create(
        cls, folder: Path, settings: dict[str, str], *, is_timed: bool
    ) -> AsyncIterator["Scenario"]:
        async with AsyncExitStack() as stack:
            sites = await stack.enter_async_context(CrowdedSites.start(0.0))
            redis = RedisProgram.create(folder / "redis")
            await stack.enter_async_context(redis.running())
            config = {"redis": {"url": redis.url}}
            machine = await stack.enter_async_context(
                Machine.create(folder / "machine", sites.entries(SITE), config, settings)
            )
            crowd = await stack.enter_async_context(Crowd.start())
            yield cls(machine, crowd, Figures(is_quiet=not is_timed), is_timed)

    async def run(self, clients: int) -> Figures:
        """1. The first release; all connect. 2. A release whose migration cannot be judged: it is
        refused, then forced. 3. One that does not come up. 4. Back to the first, by force, as the
        migration cannot be judged. 5. Add up."""
        await self._fab("the first deploy", "deploy")
        first = self.machine.current
        async with self.machine.behind_nginx() as site:
            await self._connect(site, clients)
            sending = asyncio.gather(*(group.send() for group in self.groups))
            try:
                await self._step("a refused deploy", self._refused_deploy, restarts=0)
                await self._step("a deploy", self._deploy, restarts=2)
                await self._step("a deploy that fails", self._failing_deploy, restarts=2)
                if self.is_timed:  # the short form has seen a refusal already
                    await self._step("a refused rollback", self._refused_rollback, restarts=0)
                await self._step("a rollback", self._rollback, restarts=2)
                await self._fab("status", "status")
            finally:
                for group in self.groups:
                    group.is_told_to_stop = True
                await sending
            assert self.machine.current == first
            await self._add_up()
        return self.figures

    async def _connect(self, site: DeployedSite, clients: int) -> None:
        ca = str(site.certificate.file)
        for start in range(0, clients, GROUP_SIZE):
            rooms = [f"user_{i}" for i in range(start, min(start + GROUP_SIZE, clients))]
            group = Group(f"group {start}", Sender(site.url, SITE, rooms, trusting(ca)))
            self.groups.append(group)
            await self.crowd.open(group.name, site.port, SITE, rooms, ca=ca)
        await self._until(lambda seen: seen.joined == seen.clients)

    async def _refused_deploy(self) -> None:
        migrations = self.machine.checkout.folder / "sites/migrations"
        after = max(each.stem for each in migrations.glob("0*.py"))
        (migrations / "9999_deploy_test.py").write_text(MIGRATION.format(after=after))
        self.machine.checkout.commit("Migrate")
        await self._fab("a refused deploy", "deploy", code=1)

    async def _deploy(self) -> None:
        before = self.machine.current
        await self._fab("a deploy", "deploy", "--force")
        assert self.machine.current != before

    async def _failing_deploy(self) -> None:
        before = self.machine.current
        module = self.machine.checkout.folder / "sioweb_project/asgi.py"
        module.write_text(f'{module.read_text()}\nraise RuntimeError("a broken release")\n')
        self.machine.checkout.commit("Break")
        await self._fab("a deploy that fails", "deploy", code=1)
        assert self.machine.current == before

    async def _refused_rollback(self) -> None:
        await self._fab("a refused rollback", "rollback", code=1)

    async def _rollback(self) -> None:
        await self._fab("a rollback", "rollback", "--force")

    async def _fab(self, step: str, *arguments: str, code: int = 0) -> Ended:
        ended = await self.machine.checkout.fab("production", *arguments)
        assert ended.code == code, ended.output
        self.outputs[step] = ended.output
        return ended

    async def _step(self, name: str, act: Callable[[], Awaitable[None]], *, restarts: int) -> None:
        """Do it, let everybody come back, and see what they have noticed of it."""
        clock = asyncio.get_running_loop().time
        for group in self.groups:
            await self.crowd.forget_absences(group.name)
        joins, repeated, began_at = await self._joins(), self._repeated(), clock()
        before = len(self.machine.init.restarts)
        await act()
        self.figures.note(f"{name}: seconds", clock() - began_at)
        assert len(self.machine.init.restarts) == before + restarts, self.machine.init.restarts
        assert self.machine.init.late == []
        await self._until(lambda seen: seen.joined == seen.clients)
        absences = [each.longest_absence_seconds for each in await self._statuses()]
        self.figures.note(f"{name}: clients sent away", await self._joins() - joins)
        limit = BACK_SECONDS if self.is_timed else float("inf")
        self.figures.promise(f"{name}: longest absence, s", max(absences), at_most=limit)
        self.figures.note(f"{name}: /send, repeated", self._repeated() - repeated)

    async def _add_up(self) -> None:
        with suppress(TimeoutError):
            await self._until(lambda seen: seen.joined == seen.clients)
            async with asyncio.timeout(DELIVER_SECONDS):
                while await self._missing():  # noqa: ASYNC110, another process tells
                    await asyncio.sleep(0.2)
        statuses = await self._statuses()
        sent = sum(group.sender.sent for group in self.groups)
        self.figures.note("messages sent", sent)
        self.figures.note("copies that came", sum(seen.messages for seen in statuses))
        self.figures.promise("groups that miss a message", await self._missing(), at_most=0)
        problems = [problem for seen in statuses for problem in seen.problems]
        self.figures.promise("lost, doubled or out of order", len(problems), at_most=0)
        self.figures.promise("told to reload", sum(seen.resyncs for seen in statuses), at_most=0)
        failed = sum(group.failed for group in self.groups)
        self.figures.promise("/send, failed after retries", failed, at_most=0)
        longest = max(max(group.sender.milliseconds) for group in self.groups)
        self.figures.note("/send, longest ms", longest)

    async def _missing(self) -> int:
        """How many groups have a client that has not heard of the last message."""
        statuses = await self._statuses()
        pairs = zip(self.groups, statuses, strict=True)
        return sum(seen.lowest < group.sender.sent for group, seen in pairs)

    async def _joins(self) -> int:
        return sum(seen.joins for seen in await self._statuses())

    def _repeated(self) -> int:
        answers = [group.sender.answers for group in self.groups]
        return sum(each.total() - each["200"] for each in answers)

    async def _statuses(self) -> list[Status]:
        return [await self.crowd.status(group.name) for group in self.groups]

    async def _until(self, is_so: Callable[[Status], bool]) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            while not all(map(is_so, await self._statuses())):  # noqa: ASYNC110, as above
                await asyncio.sleep(0.1)
