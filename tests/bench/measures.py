"""The figures: how much is measured, and one result of one side in one round."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Sizes:
    """How much of everything; a smoke test takes little."""

    seconds: float = 2.0  # that are measured
    warmup: float = 0.5  # before that
    clients: int = 500
    many_clients: int = 5_000
    polling_clients: int = 200
    connects: int = 2_000
    concurrency: int = 100  # connects under way
    connections: int = 64  # that senders keep open
    in_flight: int = 64  # sends whose acks are under way
    batch_messages: int = 100
    batches_in_flight: int = 4
    fan_out_deliveries: int = 10_000  # under way, which makes 20 messages to 500 clients
    idle_clients: tuple[int, ...] = (2_000, 5_000)
    idle_seconds: float = 3.0  # until memory is read
    held_clients: int = 10_000
    held_seconds: float = 30.0  # with a message to all of them each second
    watched_clients: int = 2_000  # while an admin looks at the live view
    watched_rate: float = 500.0  # messages a second
    visited_seconds: float = 10.0  # while an admin visits every page several times
    queue_lengths: tuple[int, ...] = (10, 1_000, 100_000)
    queue_seconds: float = 0.5  # for each operation at each length


@dataclass(frozen=True)
class Measure:
    """`cpu_us` is the processor time of the side's own processes for one unit of work."""

    name: str
    unit: str
    value: float
    better: Better = "higher"
    cpu_us: float | None = None
    generator_load: float | None = None  # of one processor
    failures: str = ""  # what went wrong meanwhile
