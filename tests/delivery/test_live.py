"""Whoever looks at the figures: one reading for all of them, none for nobody."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from delivery import live as live_module
from delivery.exceptions import RedisUnavailable
from delivery.live import MAX_VIEWERS, MAX_VIEWS_OF_USER, Live, TooManyViewers
from delivery.statistics import Figures, Statistics
from delivery.tasks import Tasks
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, until

USER = "owner"


class FakeStatistics:
    """Numbered figures; writes down for whom they were read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.failure: Exception | None = None

    async def read(self, site: str) -> Figures:
        self.reads.append(site)
        if self.failure is not None:
            raise self.failure
        return Figures(len(self.reads), (), 0, 0, None, (), ())


@pytest.fixture
def statistics() -> FakeStatistics:
    return FakeStatistics()


@pytest_asyncio.fixture
async def live(statistics: FakeStatistics, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    monkeypatch.setattr(live_module, "READ_SECONDS", 0.001)
    live, tasks = Live(cast("Statistics", statistics)), Tasks()
    tasks.start(live.run())
    yield live
    await tasks.cancel()


async def following(view: AsyncIterator[Figures | None]) -> Figures | None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await anext(view)


async def close(*views: AsyncIterator[Figures | None]) -> None:
    for view in views:
        await view.aclose()  # type: ignore[attr-defined]


async def test_a_viewer_sees_the_figures_change(live: Live) -> None:
    view = live.watch("newsite", USER)
    first, second = await following(view), await following(view)
    assert first is not None
    assert second is not None
    assert first.now < second.now
    await close(view)


async def test_many_viewers_of_a_site_cost_one_reading(
    live: Live, statistics: FakeStatistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "READ_SECONDS", 60.0)
    views = [live.watch("newsite", USER) for _ in range(10)]
    figures = await asyncio.gather(*map(following, views))
    assert len({each.now for each in figures if each}) == 1
    assert statistics.reads == ["newsite"]
    await close(*views)


async def test_nothing_is_read_while_nobody_looks(live: Live, statistics: FakeStatistics) -> None:
    view = live.watch("newsite", USER)
    await following(view)
    await close(view)
    await asyncio.sleep(0.01)  # a reading may be under way
    count = len(statistics.reads)
    await asyncio.sleep(0.05)  # that nothing happens is seen by letting time pass only
    assert len(statistics.reads) == count


async def test_without_redis_viewers_are_told_so_and_stay(
    live: Live, statistics: FakeStatistics
) -> None:
    statistics.failure = RedisUnavailable("gone")
    view = live.watch("", USER)
    assert await following(view) is None
    statistics.failure = None
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await anext(view) is None:
            pass
    await close(view)


async def test_who_leaves_makes_room_for_others(live: Live) -> None:
    views = [live.watch("newsite", str(user)) for user in range(MAX_VIEWERS)]
    await asyncio.gather(*map(following, views))
    with pytest.raises(TooManyViewers, match=f"^{MAX_VIEWERS} are looking at this process"):
        await following(live.watch("newsite", USER))
    await close(views.pop())
    views.append(live.watch("newsite", USER))
    await following(views[-1])
    await close(*views)


async def test_one_user_leaves_room_for_others(live: Live) -> None:
    views = [live.watch("newsite", USER) for _ in range(MAX_VIEWS_OF_USER)]
    await asyncio.gather(*map(following, views))
    with pytest.raises(TooManyViewers, match=f"^You are looking at {MAX_VIEWS_OF_USER} live views"):
        await following(live.watch("newsite", USER))
    views.append(live.watch("newsite", "another"))
    await following(views[-1])
    await close(*views)


async def test_the_end_of_the_process_ends_every_view(live: Live) -> None:
    views = [live.watch("newsite", USER), live.watch("", USER)]
    await asyncio.gather(*map(following, views))
    endings = [asyncio.ensure_future(drained(view)) for view in views]
    live.end()
    await until(lambda: all(each.done() for each in endings))
    with pytest.raises(StopAsyncIteration):
        await following(live.watch("newsite", USER))


async def drained(view: AsyncIterator[Figures | None]) -> None:
    async for _ in view:
        pass
