"""`manage.py serve`: the service itself, in the foreground."""

import asyncio
import fcntl
import logging
import os
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.utils.module_loading import import_string

from delivery.access_log import with_access_log
from delivery.addresses import Addresses
from delivery.counters import ALL_SITES
from delivery.drain import drain
from delivery.exceptions import BackplaneUnavailable, MetricsUnavailable, RedisUnavailable
from delivery.garbage import spare_the_rush, tidy_for_ever
from delivery.heads import Heads
from delivery.listening import ListenError, Place, url_of
from delivery.mail import Mail
from delivery.management.serve_options import (
    add_address,
    cannot_listen,
    check_workers,
    out_of_reach,
    place_of,
    read_count_of_workers,
    read_sid_prefix,
)
from delivery.service import service
from delivery.systemd import say_ready
from delivery.version import VERSION
from delivery.web_server import SERVERS, WebServer, on_signals
from delivery.workers import LISTENING, WorkerFailed, Workers, leave_with_parent, listen
from sites.registry import registry

MAX_GROWTH = 6  # from the body of /send to the text on the wire; 1e15 becomes 18 characters

MIGRATING = 1_936_287_599  # of PostgreSQL's locks for applications; any number of our own

leaving: list[asyncio.Future[None]] = []  # holds the tasks that greet, and end the process

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Migrate, seed the sites, and serve until SIGTERM or SIGINT."
    requires_system_checks = []

    def get_version(self) -> str:
        """For `serve --version`."""
        return f"sioweb {VERSION}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_address(parser, settings.CONFIG.host, settings.CONFIG.port)
        parser.add_argument("--server", choices=sorted(SERVERS), default="daphne")
        parser.add_argument(
            "--workers",
            type=read_count_of_workers,
            default=1,
            help="processes that share the port, one for each core; default 1",
        )
        parser.add_argument(
            "--fd",
            type=int,
            default=settings.SYSTEMD_SOCKET,
            help="listen on this inherited socket instead; default: the one of systemd, if any",
        )
        parser.add_argument(
            "--sid-prefix",
            type=read_sid_prefix,
            default="",
            help="what session ids begin with, for a proxy that sends polls to their process",
        )
        # Of one of several workers: its number, and the files of its mailbox and of all.
        parser.add_argument("--worker", type=int, help=SUPPRESS)
        parser.add_argument("--mail", default="", help=SUPPRESS)

    def handle(
        self,
        *,
        host: str,
        port: int,
        server: str,
        workers: int,
        fd: int | None,
        sid_prefix: str,
        worker: int | None,
        mail: str,
        **options: Any,
    ) -> None:
        """1. Bring database and sites up to date. 2. Start what belongs to the process.
        3. Listen, and say so. 4. Serve until told to stop, then drain."""
        place = place_of(host, port, fd, _mail_of(worker, mail))
        if worker is None:
            if workers > 1:
                check_workers(server, place, sid_prefix)
            self._prepare()
        with import_string(settings.SERVE_WITHIN)():
            if workers > 1 and worker is None:
                self._serve_by_workers(workers, host, port, server)
            else:
                self._serve(place, server, sid_prefix)

    def _prepare(self) -> None:
        for warning in settings.CONFIG.warnings:
            logger.warning("%s", warning)
        try:
            with _one_process_at_a_time(), _one_machine_at_a_time():
                call_command("migrate", interactive=False, verbosity=0)
                call_command("seed_sites", stdout=(said := StringIO()), no_color=True)
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        for line in said.getvalue().splitlines():
            logger.info("%s", line)

    def _serve(self, place: Place, server: str, sid_prefix: str) -> None:
        registry.load()
        find_address = Addresses(settings.CONFIG.trusted_proxies).of
        application = with_access_log(import_string(settings.ASGI_APPLICATION), find_address)
        web_server = SERVERS[server](application, place, _message_limit(), _heads())
        try:
            web_server.run(_starter(web_server, place.mail, sid_prefix), self._announcer(place))
        except ListenError as error:
            raise cannot_listen(place.host, place.port, error) from error
        except (BackplaneUnavailable, RedisUnavailable) as error:
            raise out_of_reach(error) from error
        except MetricsUnavailable as error:
            raise CommandError(str(error)) from error

    def _serve_by_workers(self, count: int, host: str, port: int, server: str) -> None:
        try:
            listeners = listen(host, port, count)
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        url = url_of(host, listeners[0].getsockname()[1])
        command = [sys.executable, sys.argv[0], "serve", "--host", host, "--server", server]
        try:
            asyncio.run(Workers(command, listeners).run(partial(self._announce, url)))
        except WorkerFailed as error:
            raise CommandError(str(error), returncode=error.code) from error

    def _announcer(self, place: Place) -> Any:
        def announce(_: str, port: int) -> None:
            self._announce(url_of(place.host, port), is_worker=place.mail is not None)

        return announce

    def _announce(self, url: str, *, is_worker: bool = False) -> None:
        self.stdout.write(f"{LISTENING} {url}")
        self.stdout.flush()
        if not is_worker:
            say_ready(os.environ)
        if settings.ON_LISTENING and not is_worker:
            greet = import_string(settings.ON_LISTENING)
            leaving.append(asyncio.ensure_future(self._greet(greet, url)))

    async def _greet(self, greet: Any, url: str) -> None:
        """Let the project say where to go next; it may use the database for that."""
        self.stdout.write(await asyncio.to_thread(greet, url))
        self.stdout.flush()


def _mail_of(worker: int | None, fds: str) -> Mail | None:
    if worker is None:
        return None
    inbox, *outboxes = map(int, fds.split(","))
    return Mail.of(worker, inbox, outboxes)


def _message_limit() -> int:
    """Daphne applies one limit, in bytes, to what comes and to what is sent: it has to let every
    message of /send out, and every form in. On what comes, Engine.IO, /send and Django enforce
    limits of their own."""
    config = settings.CONFIG
    return max(
        config.io.max_http_buffer_size,
        MAX_GROWTH * config.send_body_limit_bytes,
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    )


def _heads() -> Heads:
    def count() -> None:
        service().counters.of(ALL_SITES).limited["size"] += 1

    return Heads(settings.CONFIG.limits.header_bytes, count)


def _starter(web_server: WebServer, mail: Mail | None, sid_prefix: str) -> Any:
    async def start() -> None:
        service().server.eio.id_prefix = sid_prefix
        if mail is not None:
            service().server.eio.id_prefix = mail.prefix
            leave_with_parent(lambda: leave(web_server))
            service().metrics.worker = mail.number
        await service().metrics_port.start(is_shared=mail is not None)
        await service().start()
        spare_the_rush()
        service().tasks.start(tidy_for_ever(service().counters))
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


@contextmanager
def _one_machine_at_a_time() -> Iterator[None]:
    """So do machines that share a PostgreSQL. The lock ends with its connection at the latest."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
    yield
    # After a failure the process ends, and its connection with it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])
