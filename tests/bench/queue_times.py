"""Times of queue operations; measured by `queue_worker.py` with the code of a side."""

import asyncio
import json
import sys

from tests.bench.measures import Sizes
from tests.bench.servers import HERE, Side, Surroundings, service_environment, write_config

OPERATIONS = ("append", "acknowledge", "read")
WORKER_SECONDS = 120.0


async def queue_times(
    side: Side, around: Surroundings, sizes: Sizes
) -> dict[str, dict[str, float]]:
    """Return {operation: {length: microseconds}}."""
    folder = around.folder / f"{side.name}-queues"
    write_config(folder, around)
    environment = {
        "PYTHONPATH": str(side.project),
        "DJANGO_SETTINGS_MODULE": "sioweb_project.settings",
    }
    lengths = ",".join(map(str, sizes.queue_lengths))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "queue_worker.py"), lengths, str(sizes.queue_seconds)),
        env=service_environment(folder) | environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), WORKER_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"queue_worker.py ended with {process.returncode}")
    times: dict[str, dict[str, float]] = json.loads(output)
    return times
