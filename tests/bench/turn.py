"""One side's turn at one scenario, and the round that it belongs to."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from tests.bench.load import Load, LoadError, Opened, Plan, Sent
from tests.bench.measures import Measure, Sizes
from tests.bench.servers import Running, Side, Surroundings, flush


class Scenario(Protocol):
    __name__: str

    def __call__(self, turn: "Turn") -> AsyncIterator[Measure]: ...


Report = Callable[[Side, Measure], None]
ReportFailure = Callable[[Side, str], None]


@dataclass
class Round:
    """Both sides, running; each scenario is run for one after the other."""

    sides: Sequence[tuple[Side, Running]]
    load: Load
    around: Surroundings
    sizes: Sizes
    report: Report
    report_failure: ReportFailure
    maxima: dict[str, float] = field(default_factory=dict)  # durable sends/s, by side

    async def run(self, scenario: Scenario) -> None:
        for side, running in self.sides:
            try:
                async for measure in scenario(Turn(self, side, running)):
                    self.report(side, measure)
            except LoadError as error:
                self.report_failure(side, f"{scenario.__name__}: {error}")
            await self.load.close()
            await running.until_idle()
            await flush(self.around.redis_url)

    async def slower_maximum(self, find: Callable[["Turn"], Awaitable[Measure]]) -> float:
        """Return what the slower side can take, which `find` measures if it is not known."""
        for side, running in self.sides:
            if side.name not in self.maxima:
                self.maxima[side.name] = (await find(Turn(self, side, running))).value
                await self.load.close()
                await running.until_idle()
        return min(self.maxima.values())


@dataclass(frozen=True)
class Turn:
    round: Round
    side: Side
    running: Running

    @property
    def load(self) -> Load:
        return self.round.load

    @property
    def sizes(self) -> Sizes:
        return self.round.sizes

    def plan(self, rooms: Sequence[str]) -> Plan:
        """One message a call, for one client each."""
        return Plan(
            ports=self.running.ports,
            rooms=rooms,
            seconds=self.sizes.seconds,
            connections=self.sizes.connections,
            window=self.sizes.in_flight,
        )

    @asynccontextmanager
    async def fresh(self, processes: int = 1) -> AsyncIterator["Turn"]:
        """This turn, with processes of its own."""
        async with self.side.running(self.round.around, processes) as running:
            yield Turn(self.round, self.side, running)
            await self.load.close()

    async def open(self, tokens: Sequence[str]) -> Opened:
        """Connect a client for each token; a token is the list of the rooms it opens."""
        opened = await self.load.open(self.running.ports, tokens, self.sizes.concurrency)
        await self.running.until_idle()
        return opened

    async def send(self, plan: Plan) -> tuple[Sent, float]:
        """Warm up and measure. Return what became of it, and the processor time of a delivery,
        or of a call that causes none, in microseconds."""
        await self.load.send(replace(plan, seconds=self.sizes.warmup))
        before = self.running.cpu_seconds()
        sent = await self.load.send(plan)
        used = self.running.cpu_seconds() - before
        work = sent.delivered if plan.deliveries else sent.answers
        return sent, 1e6 * used / max(1, work)
