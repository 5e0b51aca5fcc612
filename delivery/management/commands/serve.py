"""`manage.py serve`: the service itself, in the foreground."""

import asyncio
import fcntl
import logging
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from delivery.access_log import with_access_log
from delivery.drain import drain
from delivery.exceptions import BackplaneUnavailable, RedisUnavailable
from delivery.garbage import spare_the_rush, tidy_for_ever
from delivery.service import service
from delivery.web_server import SERVERS, ListenError, WebServer, on_signals
from sites.registry import registry

MAX_GROWTH = 6  # from the body of /send to the text on the wire; 1e15 becomes 18 characters

leaving: list[asyncio.Future[None]] = []  # holds the task that ends the process

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Migrate, seed the sites, and serve until SIGTERM or SIGINT."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        config = settings.CONFIG
        parser.add_argument("--host", default=config.host, help=f"default {config.host}")
        parser.add_argument("--port", type=int, default=config.port, help=f"default {config.port}")
        parser.add_argument("--server", choices=sorted(SERVERS), default="daphne")

    def handle(self, *, host: str, port: int, server: str, **options: Any) -> None:
        """1. Bring database and sites up to date. 2. Start what belongs to the process.
        3. Listen, and say so. 4. Serve until told to stop, then drain."""
        for warning in settings.CONFIG.warnings:
            logger.warning("%s", warning)
        with _one_process_at_a_time():
            call_command("migrate", interactive=False, verbosity=0)
            call_command("seed_sites", stdout=self.stderr)
        registry.load()
        with import_string(settings.SERVE_WITHIN)():
            self._serve(host, port, server)

    def _serve(self, host: str, port: int, server: str) -> None:
        application = with_access_log(import_string(settings.ASGI_APPLICATION))
        web_server = SERVERS[server](application, host, port, _websocket_limit())
        try:
            web_server.run(_starter(web_server), self._announcer(host))
        except ListenError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error}") from error
        except (BackplaneUnavailable, RedisUnavailable) as error:
            raise CommandError(f"Redis is out of reach: {error}") from error

    def _announcer(self, host: str) -> Any:
        def announce(_: str, port: int) -> None:
            self.stdout.write(f"Listening on http://{host}:{port}")
            self.stdout.flush()
            if settings.ON_LISTENING:
                greet = import_string(settings.ON_LISTENING)
                service().tasks.start(self._greet(greet, f"http://{host}:{port}"))

        return announce

    async def _greet(self, greet: Any, url: str) -> None:
        """Let the project say where to go next; it may use the database for that."""
        self.stdout.write(await asyncio.to_thread(greet, url))
        self.stdout.flush()


def _websocket_limit() -> int:
    """Daphne applies one limit, in bytes, to what comes and to what is sent: it has to let every
    message of /send out. On what comes, Engine.IO enforces maxHttpBufferSize itself."""
    config = settings.CONFIG
    return max(config.io.max_http_buffer_size, MAX_GROWTH * config.send_body_limit_bytes)


def _starter(web_server: WebServer) -> Any:
    async def start() -> None:
        await service().start()
        spare_the_rush()
        service().tasks.start(tidy_for_ever())
        on_signals(lambda: leave(web_server))

    return start


def leave(web_server: WebServer) -> None:
    """Drain in the background, then stop."""
    leaving.append(asyncio.ensure_future(_leave(web_server)))


async def _leave(web_server: WebServer) -> None:
    try:
        await drain(service(), web_server)
    finally:
        web_server.stop()


@contextmanager
def _one_process_at_a_time() -> Iterator[None]:
    """Processes that start together migrate one after the other."""
    data_dir = settings.CONFIG.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
