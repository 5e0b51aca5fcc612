"""`/metrics` on a port of its own, for a Prometheus in the same network and for nobody else.

Beside the web server, on the same event loop: it answers also while the service drains or
its port is crowded. Worker n listens n ports further on. aiohttp, some 8 MiB, is imported where
there is such a port.
"""

import logging
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST

from delivery.exceptions import MetricsUnavailable
from delivery.listening import url_of
from delivery.metrics import Metrics, bears_token

if TYPE_CHECKING:
    from aiohttp import web

logger = logging.getLogger(__name__)


class MetricsPort:
    """`port` None = there is none; 0 = any that is free."""

    def __init__(self, metrics: Metrics, host: str, port: int | None, token: str) -> None:
        self._metrics = metrics
        self.url = ""  # while it listens
        self._host = host
        self._port = port
        self._token = token
        self._runner: web.ServerRunner | None = None

    async def start(self, *, is_shared: bool) -> None:
        """`is_shared`: a worker's successor listens before the worker itself has ended.

        Raises MetricsUnavailable."""
        if self._port is None:
            return
        from aiohttp import web

        port = self._port and self._port + self._metrics.worker
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, port, reuse_port=is_shared or None).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            text = f"Cannot listen on {self._host}:{port} for metrics: {error}"
            raise MetricsUnavailable(text) from error
        self._runner = runner
        self.url = url_of(self._host, runner.addresses[0][1])
        logger.info("Metrics on %s/metrics", self.url)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: "web.BaseRequest") -> "web.Response":
        from aiohttp import web

        if request.path != "/metrics":
            return web.Response(status=404, text="There is no such page.\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        authorization = request.headers.get("Authorization", "")
        if self._token and not bears_token(authorization, self._token):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        body = await self._metrics.render()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
