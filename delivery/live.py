"""The figures as they change, for whoever looks: read once a second, however many look.

Between `statistics` and the pages of the admin. While nobody looks, nothing is read.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from delivery.exceptions import DeliveryError
from delivery.statistics import Figures, Statistics

logger = logging.getLogger(__name__)

READ_SECONDS = 1.0
MAX_VIEWERS = 30  # of a process: each holds a connection, and a thread of Django's
MAX_VIEWS_OF_USER = 12  # of those, so that nobody keeps all others out


class TooManyViewers(DeliveryError):
    """As many are looking as one process lets look, or one user."""


@dataclass(eq=False, slots=True)
class Viewer:
    site: str
    user: str
    # Of the newest figures only: a slow viewer skips some. None = Redis is out of reach.
    news: asyncio.Queue["Figures | None"] = field(default_factory=lambda: asyncio.Queue(1))

    def show(self, figures: Figures | None) -> None:
        if self.news.full():
            self.news.get_nowait()
        self.news.put_nowait(figures)


class Live:
    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._viewers: set[Viewer] = set()
        self._somebody = asyncio.Event()
        self._has_ended = False

    async def run(self) -> None:
        """Read while somebody looks, until cancelled."""
        while True:
            await self._somebody.wait()
            await self._show_all()
            await asyncio.sleep(READ_SECONDS)

    async def watch(self, site: str, user: str) -> AsyncGenerator[Figures | None, None]:
        """Yield the figures of a site, "" = of all, about once a second until the process leaves;
        None while Redis is out of reach. Raises TooManyViewers."""
        self._check_room(user)
        viewer = Viewer(site, user)
        self._viewers.add(viewer)
        self._somebody.set()
        try:
            while not self._has_ended:
                figures = await viewer.news.get()
                if not self._has_ended:
                    yield figures
        finally:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._somebody.clear()

    def end(self) -> None:
        """Let all viewers go: their browsers come again, and find another process."""
        self._has_ended = True
        for viewer in self._viewers:
            viewer.show(None)

    def _check_room(self, user: str) -> None:
        if len(self._viewers) >= MAX_VIEWERS:
            raise TooManyViewers(f"{MAX_VIEWERS} are looking at this process already")
        if sum(viewer.user == user for viewer in self._viewers) >= MAX_VIEWS_OF_USER:
            raise TooManyViewers(f"You are looking at {MAX_VIEWS_OF_USER} live views already")

    async def _show_all(self) -> None:
        sites = {viewer.site for viewer in self._viewers}
        figures = dict(zip(sites, await asyncio.gather(*map(self._read, sites)), strict=True))
        for viewer in self._viewers:
            if viewer.site in figures:
                viewer.show(figures[viewer.site])

    async def _read(self, site: str) -> Figures | None:
        try:
            return await self._statistics.read(site)
        except DeliveryError:
            return None
        except Exception:
            logger.exception("The figures of %s could not be read", site or "all sites")
            return None
