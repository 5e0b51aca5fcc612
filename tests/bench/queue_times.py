"""Times of queue operations; measured by `queue_worker.py` with the code of a side."""

from tests.bench.measures import Sizes
from tests.bench.servers import Side, Surroundings, write_config
from tests.bench.workers import run_worker

OPERATIONS = ("append", "acknowledge", "read")
WORKER_SECONDS = 120.0


async def queue_times(
    side: Side, around: Surroundings, sizes: Sizes
) -> dict[str, dict[str, float]]:
    """Return {operation: {length: microseconds}}."""
    folder = around.folder / f"{side.name}-queues"
    write_config(folder, around)
    assert side.project is not None
    lengths = ",".join(map(str, sizes.queue_lengths))
    times: dict[str, dict[str, float]] = await run_worker(
        *("queue_worker.py", lengths, str(sizes.queue_seconds)),
        config=folder,
        project=side.project,
        seconds=WORKER_SECONDS,
    )
    return times
