"""Background tasks: their end, their failures, and their owner's end."""

import asyncio
import contextlib

import pytest

from delivery import tasks as tasks_module
from delivery.tasks import Tasks
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS


class Work:
    """Work that goes on until the test lets it end, and tells how it ended."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.released = asyncio.Event()
        self.end = ""

    async def __call__(self) -> str:
        self.started.set()
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.end = "cancelled"
            raise
        self.end = "done"
        return self.end


async def fail() -> None:
    raise ZeroDivisionError("7 / 0")


async def wait_for(task: asyncio.Task[object]) -> None:
    await asyncio.wait([task], timeout=TIMEOUT_SECONDS)
    assert task.done()


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def work() -> Work:
    return Work()


async def test_work_runs_by_itself_and_its_result_can_be_had(tasks: Tasks, work: Work) -> None:
    task = tasks.start(work())
    work.released.set()
    await wait_for(task)
    assert task.result() == "done"


async def test_task_is_held_while_it_runs_and_no_longer(tasks: Tasks, work: Work) -> None:
    task = tasks.start(work())
    assert tasks._running == {task}
    work.released.set()
    await wait_for(task)
    assert not tasks._running


async def test_failure_is_logged_as_an_error_with_its_traceback(
    tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    await wait_for(tasks.start(fail()))
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "fail" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert not tasks._running


async def test_success_and_cancellation_are_not_logged(
    tasks: Tasks, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    work.released.set()
    await wait_for(tasks.start(work()))
    tasks.start(Work()())
    await tasks.cancel()
    assert not caplog.records


async def test_failure_of_one_task_leaves_the_others_running(tasks: Tasks, work: Work) -> None:
    task = tasks.start(work())
    await wait_for(tasks.start(fail()))
    assert tasks._running == {task}
    await tasks.cancel()


async def test_cancel_returns_when_all_have_ended(tasks: Tasks) -> None:
    works = [Work(), Work()]
    running = [tasks.start(work()) for work in works]
    for work in works:
        await work.started.wait()
    await tasks.cancel()
    assert all(task.cancelled() for task in running)
    assert [work.end for work in works] == ["cancelled", "cancelled"]


async def test_cancel_waits_for_what_a_task_does_on_its_way_out(tasks: Tasks, work: Work) -> None:
    left = []

    async def tidy() -> None:
        try:
            await work()
        finally:
            await asyncio.sleep(0)
            left.append("tidied")

    tasks.start(tidy())
    await work.started.wait()
    await tasks.cancel()
    assert left == ["tidied"]


async def test_failure_on_the_way_out_is_logged_and_not_raised(
    tasks: Tasks, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble() -> None:
        try:
            await work()
        finally:
            await fail()

    tasks.start(stumble())
    await work.started.wait()
    await tasks.cancel()
    await asyncio.sleep(0)
    assert "ZeroDivisionError" in caplog.text


async def test_loop_that_has_missed_its_cancellation_is_told_again(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` makes it miss one before Python 3.12."""
    monkeypatch.setattr(tasks_module, "CANCEL_AGAIN_SECONDS", 0.01)
    works = [Work(), Work()]

    async def run() -> None:
        for work in works:
            with contextlib.suppress(asyncio.CancelledError):
                await work()

    tasks.start(run())
    await works[0].started.wait()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await tasks.cancel()
    assert [work.end for work in works] == ["cancelled", "cancelled"]


async def test_task_that_cancels_its_owner_is_spared_itself(tasks: Tasks, work: Work) -> None:
    tasks.start(work())
    await work.started.wait()
    canceller = tasks.start(tasks.cancel())
    await wait_for(canceller)
    assert not canceller.cancelled()
    assert work.end == "cancelled"


async def test_finish_lets_what_runs_come_to_its_end(tasks: Tasks, work: Work) -> None:
    tasks.start(work())
    asyncio.get_running_loop().call_soon(work.released.set)
    await tasks.finish(TIMEOUT_SECONDS)
    assert work.end == "done"


async def test_finish_cancels_what_takes_longer(tasks: Tasks, work: Work) -> None:
    tasks.start(work())
    await work.started.wait()
    await tasks.finish(timeout_seconds=0)
    assert work.end == "cancelled"


async def test_nothing_to_end_is_fine(tasks: Tasks) -> None:
    await tasks.cancel()
    await tasks.finish(timeout_seconds=0)
    assert not tasks._running
