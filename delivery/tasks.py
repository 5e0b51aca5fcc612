"""Background tasks: held while they run, their failures logged, cancelled together.

Used by whatever starts work that nobody awaits. Imports nothing of the project.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

# Longer than a way out should take. Before Python 3.12 `asyncio.wait_for`, which redis-py uses,
# swallows a cancellation that comes with the result: a loop then goes on and must be told again.
CANCEL_AGAIN_SECONDS = 1.0


class Tasks:
    """The background tasks of one owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finish)
        return task

    async def cancel(self) -> None:
        """Cancel what runs and wait until it has ended."""
        running = {task for task in self._running if task is not asyncio.current_task()}
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)

    async def finish(self, timeout_seconds: float) -> None:
        """Wait for what runs, then cancel the rest."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_seconds)
        await self.cancel()

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Background task %s failed", task.get_coro(), exc_info=error)
