"""An admin who looks at the live view while the service is measured."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import OK

from aiohttp import ClientSession, ClientTimeout, StreamReader

from tests.bench.load import LoadError
from tests.bench.servers import Side, Surroundings, service_environment
from tests.bench.turn import Turn
from tests.meanwhile import meanwhile

PAGE = "/admin/control/live/figures"
PAGES = (
    "/admin/",
    "/admin/sites/site/",
    "/admin/sites/site/1/change/",
    "/admin/sites/site/1/snippets/",
    "/admin/sites/site/1/auth-check/",
    "/admin/sites/apikey/",
    "/admin/sites/apikey/1/change/",
    "/admin/control/live/",
    "/admin/control/inspector/",
    "/admin/control/inspector/look?site=bench&room=user_1",
    "/admin/control/inspector/recent?site=bench&room=user_1",
    "/admin/control/sender/",
)
VISITS = 5  # of each page, behind one that reads its templates
COMMAND_SECONDS = 60.0
LOG_IN = """
from django.contrib.auth import get_user_model
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
user, _ = get_user_model().objects.get_or_create(
    username="bench", defaults={"is_staff": True, "is_superuser": True})
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""


@asynccontextmanager
async def admin(turn: Turn) -> AsyncIterator[ClientSession]:
    """Somebody who has logged in."""
    cookies = {"sessionid": await _log_in(turn.side, turn.round.around)}
    base = f"http://127.0.0.1:{turn.running.ports[0]}"
    timeout = ClientTimeout(total=None, sock_read=COMMAND_SECONDS)
    async with ClientSession(base, cookies=cookies, timeout=timeout) as http:
        yield http


@asynccontextmanager
async def viewing(http: ClientSession) -> AsyncIterator[None]:
    """Look at all sites, and see a figure before anything is measured."""
    async with http.get(PAGE) as response:
        response.raise_for_status()
        await response.content.readline()
        async with meanwhile(_read_on(response.content)):
            yield


async def slowest_page(http: ClientSession) -> float:
    """Visit the pages one after the other; return the longest time of an answer, in ms."""
    for page in PAGES:
        await _visit(http, page)
    return max([await _visit(http, page) for _ in range(VISITS) for page in PAGES])


async def _visit(http: ClientSession, page: str) -> float:
    began_at = time.perf_counter()
    async with http.get(page, allow_redirects=False) as response:
        await response.read()
    if response.status != OK:
        raise LoadError(f"{page} was answered with {response.status}")
    return 1000 * (time.perf_counter() - began_at)


async def _read_on(stream: StreamReader) -> None:
    while await stream.readline():
        pass


async def _log_in(side: Side, around: Surroundings) -> str:
    """Return the session key of an admin."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "shell", "--no-imports", "-c", LOG_IN),
        env=service_environment(around.folder / side.name),
        cwd=side.project,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    if process.returncode != 0:
        raise RuntimeError(f"no admin: manage.py shell ended with {process.returncode}")
    return output.decode().split()[-1]
