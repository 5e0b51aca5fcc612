"""What is measured, one function a scenario. Each is run for both sides in every round."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tests.bench.load import Sent
from tests.bench.measures import Measure
from tests.bench.queue_times import OPERATIONS, queue_times
from tests.bench.turn import Scenario, Turn
from tests.bench.watching import live_view, metrics

LATENCY_SHARES = (0.25, 0.5, 0.75)  # of what the slower side can take
DELAYS = ("p50", "p99")
WARMUP_CLIENTS = 20  # what the first of all clients needs is not counted as memory of one


async def fan_out(turn: Turn) -> AsyncIterator[Measure]:
    yield await _fan_out(turn, turn.sizes.clients)


async def fan_out_many(turn: Turn) -> AsyncIterator[Measure]:
    yield await _fan_out(turn, turn.sizes.many_clients)


async def polling(turn: Turn) -> AsyncIterator[Measure]:
    clients = turn.sizes.polling_clients
    await turn.load.open(
        turn.running.ports, ["everybody"] * clients, turn.sizes.concurrency, "polling"
    )
    yield await _send_to_everybody(turn, f"fan-out to {clients:,} by long-polling", clients)


async def rooms(turn: Turn) -> AsyncIterator[Measure]:
    """As many rooms as clients: each call reaches one of them."""
    names = [f"room_{n}" for n in range(turn.sizes.many_clients)]
    yield await _send_to_each(turn, f"{len(names):,} rooms of one client", names)


async def send(turn: Turn) -> AsyncIterator[Measure]:
    """Calls for a room that nobody is in: nothing stored, nothing delivered."""
    plan = replace(turn.plan(["nobody"]), deliveries=0)
    sent, cpu_us = await turn.send(plan)
    yield _rate("/send, nothing stored", "calls/s", sent.answers, sent, cpu_us)


async def durable(turn: Turn) -> AsyncIterator[Measure]:
    """Stored, delivered, acked."""
    measure = await _durable(turn)
    turn.round.maxima[turn.side.name] = measure.value
    yield measure


async def batch(turn: Turn) -> AsyncIterator[Measure]:
    count = turn.sizes.batch_messages
    yield await _send_to_each(turn, f"batches of {count} to ack", _users(turn), per_call=count)


async def latency(turn: Turn) -> AsyncIterator[Measure]:
    """From when /send was due until the client has it; the same rates for both sides."""
    maximum = await turn.round.slower_maximum(_durable)
    users = _users(turn)
    await turn.open(users)
    for share in LATENCY_SHARES:
        sent, cpu_us = await turn.send(replace(turn.plan(users), rate=share * maximum))
        for which in DELAYS:
            yield _delay(f"latency {which} at {share:.0%} load", which, sent, cpu_us)


async def connect(turn: Turn) -> AsyncIterator[Measure]:
    """Everybody at once, each with a token of their own that authUrl is asked about."""
    tokens = [f"user_{n},staff" for n in range(turn.sizes.connects)]
    before = turn.running.cpu_seconds()
    opened = await turn.open(tokens)
    yield Measure(
        name="connects with authUrl",
        unit="connects/s",
        value=len(tokens) / opened.seconds,
        cpu_us=1e6 * (turn.running.cpu_seconds() - before) / len(tokens),
        failures=f"{opened.repeated} connects cut, and repeated" if opened.repeated else "",
    )


async def memory(turn: Turn) -> AsyncIterator[Measure]:
    """What a fresh process grows by with so many connections that then idle."""
    async with turn.fresh() as fresh:
        before = await _rss_with(fresh, 0, WARMUP_CLIENTS)
        opened = 0
        for clients in turn.sizes.idle_clients:
            rss = await _rss_with(fresh, WARMUP_CLIENTS + opened, clients - opened)
            opened = clients
            kib = (rss - before) / clients / 1024
            heard = await turn.load.heard()
            missing = WARMUP_CLIENTS + clients - heard["connected"]
            failures = f"{missing} clients lost" if missing else ""
            name = f"memory, {clients:,} idle clients"
            yield Measure(name, "KiB each", kib, "lower", failures=failures)


async def hold(turn: Turn) -> AsyncIterator[Measure]:
    """As many clients as one process shall hold, and a message to all of them each second."""
    clients, seconds = turn.sizes.held_clients, turn.sizes.held_seconds
    async with turn.fresh() as fresh:
        await fresh.open(["everybody"] * clients)
        plan = replace(fresh.plan(["everybody"]), deliveries=clients, rate=1, seconds=seconds)
        sent, cpu_us = await fresh.send(plan)
        for which in DELAYS:
            yield _delay(f"{clients:,} clients, a message a second: {which}", which, sent, cpu_us)


async def processes(turn: Turn) -> AsyncIterator[Measure]:
    """Two of them, the clients on both; the service's are workers behind one port."""
    async with turn.fresh(processes=2) as fresh:
        yield await _fan_out(fresh, turn.sizes.clients, ", 2 processes")
        await turn.load.close()
        yield await _durable(fresh, ", 2 processes")


async def queues(turn: Turn) -> AsyncIterator[Measure]:
    """Operations on queues of several lengths, without a server; the peer has no such thing."""
    if turn.side.project is None:
        return
    times = await queue_times(turn.side, turn.round.around, turn.sizes)
    for operation in OPERATIONS:
        for length in turn.sizes.queue_lengths:
            name = f"queue {operation}, {length:,} waiting"
            yield Measure(name, "µs", times[operation][str(length)], "lower")


SCENARIOS: dict[str, Scenario] = {
    "fan-out": fan_out,
    "fan-out-many": fan_out_many,
    "rooms": rooms,
    "send": send,
    "durable": durable,
    "batch": batch,
    "latency": latency,
    "connect": connect,
    "memory": memory,
    "hold": hold,
    "live-view": live_view,
    "queues": queues,
    "polling": polling,
    "metrics": metrics,
    "processes": processes,
}
ONCE = frozenset({"memory", "queues", "hold"})  # long, and hardly different from round to round


def _users(turn: Turn) -> list[str]:
    return [f"user_{n}" for n in range(turn.sizes.clients)]


async def _durable(turn: Turn, suffix: str = "") -> Measure:
    return await _send_to_each(turn, "durable send to ack" + suffix, _users(turn))


async def _send_to_each(
    turn: Turn, name: str, names: Sequence[str], *, per_call: int = 1
) -> Measure:
    """Connect one client for each room, and send to the rooms in turn."""
    await turn.open(names)
    plan = turn.plan(names)
    if per_call > 1:
        window = turn.sizes.batches_in_flight
        plan = replace(plan, per_call=per_call, deliveries=per_call, window=window)
    sent, cpu_us = await turn.send(plan)
    return _rate(name, "messages/s", sent.delivered, sent, cpu_us)


async def _fan_out(turn: Turn, clients: int, suffix: str = "") -> Measure:
    await turn.open(["everybody"] * clients)
    return await _send_to_everybody(turn, f"fan-out to {clients:,}{suffix}", clients)


async def _send_to_everybody(turn: Turn, name: str, clients: int) -> Measure:
    window = max(2, turn.sizes.fan_out_deliveries // clients)
    plan = replace(turn.plan(["everybody"]), deliveries=clients, window=window)
    sent, cpu_us = await turn.send(plan)
    return _rate(name, "deliveries/s", sent.delivered, sent, cpu_us)


def _rate(name: str, unit: str, count: int, sent: Sent, cpu_us: float) -> Measure:
    return Measure(
        name=name,
        unit=unit,
        value=count / sent.seconds,
        cpu_us=cpu_us,
        generator_load=sent.generator_load,
        failures=sent.failures,
    )


def _delay(name: str, which: str, sent: Sent, cpu_us: float) -> Measure:
    return Measure(
        name=name,
        unit="ms",
        value=sent.delays_ms[which] if sent.delays_ms else float("nan"),
        better="lower",
        cpu_us=cpu_us,
        generator_load=sent.generator_load,
        failures=sent.failures,
    )


async def _rss_with(turn: Turn, opened: int, clients: int) -> int:
    """Connect so many more, let everything settle, and return the size of the process."""
    await turn.open([f"user_{n},staff" for n in range(opened, opened + clients)])
    await asyncio.sleep(turn.sizes.idle_seconds)
    return turn.running.rss_bytes()
