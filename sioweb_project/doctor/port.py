"""The port that the service listens on: free, its own, or somebody else's?"""

import os
from http import HTTPStatus
from pathlib import Path

import aiohttp
from django.conf import settings

from delivery.listening import url_of
from sioweb_project.doctor.findings import Finding, fail, ok

ANSWER_SECONDS = 3.0
FIRST_FREE_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


async def examine() -> list[Finding]:
    config = settings.CONFIG
    if not config.port:
        return [ok("port", "any that is free")]
    return [await look_at_port(EVERY_INTERFACE.get(config.host, config.host), config.port)]


async def look_at_port(host: str, port: int) -> Finding:
    url = f"{url_of(host, port)}/healthcheck"
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            is_ours = response.status == HTTPStatus.OK and await response.text() == "ok"
    except aiohttp.ClientConnectorError:
        return judge_free(port)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        is_ours = False
    if is_ours:
        return ok("port", f"the service answers on {port}")
    return fail(
        "port",
        f"something else than this service listens on {port}",
        f"See what it is: ss -ltnp 'sport = :{port}'; stop it, or choose another port in "
        "config.yml.",
    )


def judge_free(port: int) -> Finding:
    if os.geteuid() and port < _first_free_port():
        return fail(
            "port",
            f"{port} is for root alone, and this is user {os.geteuid()}",
            "Use 1337 behind a proxy, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd "
            "unit.",
        )
    return ok("port", f"nothing listens on {port}: the service is not running there")


def _first_free_port() -> int:
    return int(FIRST_FREE_PORT.read_text()) if FIRST_FREE_PORT.exists() else 1024
