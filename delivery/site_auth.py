"""Asks a site who the bearer of a token is, and which rooms it is in.

Called by `namespace` for each connect, and by `reauth`. Above `site_client`.
"""

import asyncio
import logging
import random
import re
import time
from asyncio import sleep
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

import orjson

from delivery.counters import AuthResult, Counters
from delivery.exceptions import AuthRefused, AuthUnavailable, AuthUrlDenied
from delivery.patience import wait_until
from delivery.site_client import CallDenied, SiteClient
from delivery.site_connection import MAX_BODY_BYTES, CallFailed
from sites.networks import DenyList
from sites.snapshots import SiteSnapshot

logger = logging.getLogger(__name__)

AUTHENTICATION_FAILED = "Authentication failed"
ADDRESS_DENIED = "Auth error: the address of authUrl is denied by this service"
DENIALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
CALL_TIMEOUT_SECONDS = 10.0  # one call; a site that is slower than this is taken for hung
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0
CALLS_PER_SITE = 100  # at once: more than a site's backend does at a time only wait there
MAX_ROOMS = 10_000
MAX_ROOM_LENGTH = 256
MAX_TOKEN_LENGTH = 16_384
JSON_TYPES: dict[type, str] = {
    dict: "object",
    list: "list",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
Rooms = tuple[str, ...]
Question = tuple[str, str, str, str]  # site, authUrl, authScheme, token

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(eq=False, slots=True)
class SharedCall:
    """One call that several clients with the same token wait for."""

    task: asyncio.Task[Rooms]
    waiters: list[asyncio.Future[Rooms]] = field(default_factory=list)


class SiteAuth:
    """The calls to all sites' `authUrl`: a bounded number at once to each site, so that a
    slow one costs the others nothing, and one at a time for one token."""

    def __init__(self, deny_list: DenyList, counters: Counters) -> None:
        self._client = SiteClient(deny_list, CALL_TIMEOUT_SECONDS)
        self._counters = counters
        self._calls: dict[Question, SharedCall] = {}  # of clients that are connecting
        self._gates: dict[str, asyncio.Semaphore] = {}  # by site of the registry, no other

    async def fetch_rooms(self, site: SiteSnapshot, token: str, timeout_seconds: float) -> Rooms:
        """Return the rooms of the token's bearer, in the site's order, each once.

        A site that is out of reach, hangs or answers 5xx is asked again, with
        back-off, until `timeout_seconds` are over. Raises AuthRefused when the
        answer is a definite no, AuthUnavailable when there was none in time.
        """
        if not is_sendable(token):
            raise AuthRefused(AUTHENTICATION_FAILED)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_seconds
        failure: AuthUnavailable | None = None  # the last one
        wait_seconds = FIRST_RETRY_SECONDS
        while loop.time() < until:
            try:
                return await self._ask_shared(site, token, until)
            except AuthUnavailable as error:
                failure = error
            except TimeoutError:
                break
            await sleep(min(_with_jitter(wait_seconds), until - loop.time()))
            wait_seconds *= 2
        text = f"No answer within {timeout_seconds:g} s"
        if failure is not None:
            text = f"{text}; before that: {failure}"
        raise AuthUnavailable(text, failure.code if failure else None) from failure

    def close(self) -> None:
        self._client.close()

    async def _ask_shared(self, site: SiteSnapshot, token: str, until: float) -> Rooms:
        """Wait for the call with this token that is under way, or make one. It ends when the
        last client that waits for it has gone. Raises TimeoutError from `until` on."""
        question = (site.name, site.auth_url, site.auth_scheme, token)
        call = self._calls.get(question) or self._start(question, site)
        waiter: asyncio.Future[Rooms] = asyncio.get_running_loop().create_future()
        call.waiters.append(waiter)
        try:
            return await wait_until(waiter, until)
        finally:
            call.waiters.remove(waiter)
            if not call.waiters and self._calls.get(question) is call:
                del self._calls[question]
                call.task.cancel()

    def _start(self, question: Question, site: SiteSnapshot) -> SharedCall:
        task = asyncio.create_task(self._ask_in_turn(site, question[-1]))
        call = self._calls[question] = SharedCall(task)
        task.add_done_callback(partial(self._end, question, call))
        return call

    def _end(self, question: Question, call: SharedCall, task: "asyncio.Task[Rooms]") -> None:
        """All that wait hear of it; nobody waits for what was cancelled."""
        if self._calls.get(question) is call:
            del self._calls[question]
        if task.cancelled():
            return
        error = task.exception()
        for waiter in call.waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(task.result())
            else:
                waiter.set_exception(error)

    async def _ask_in_turn(self, site: SiteSnapshot, token: str) -> Rooms:
        gate = self._gates.setdefault(site.name, asyncio.Semaphore(CALLS_PER_SITE))
        async with gate:
            return await self._ask_counted(site, token)

    async def _ask_counted(self, site: SiteSnapshot, token: str) -> Rooms:
        """A call that nobody waits for any more is not counted."""
        counts, began_at = self._counters.of(site.name), time.perf_counter()
        try:
            rooms = await self._ask(site, token)
        except (AuthRefused, AuthUnavailable) as error:
            counts.call_auth(_result(error), time.perf_counter() - began_at)
            raise
        counts.call_auth("rooms", time.perf_counter() - began_at)
        return rooms

    async def _ask(self, site: SiteSnapshot, token: str) -> Rooms:
        headers = {"Authorization": f"{site.auth_scheme} {token}", "Accept": "application/json"}
        try:
            answer = await self._client.get(site.auth_url, headers)
        except CallDenied as error:
            logger.warning("authUrl of %s: its address is in auth_url_deny", site.name)
            raise AuthUrlDenied(ADDRESS_DENIED) from error
        except CallFailed as error:
            logger.warning("authUrl of %s: %s", site.name, error)
            raise AuthUnavailable(str(error)) from error
        return _rooms_of_answer(site, answer.status, answer.body)


def is_sendable(token: str) -> bool:
    """Whether the token can stand in a header: not empty, no line break, of bounded length."""
    is_bounded = 0 < len(token) <= MAX_TOKEN_LENGTH
    return is_bounded and not CONTROL_CHARACTERS.search(token)


def _with_jitter(seconds: float) -> float:
    """So that those whom one failure has struck do not all ask again at once."""
    jitter = random.uniform(0, FIRST_RETRY_SECONDS)  # noqa: S311, nobody gains by guessing it
    return min(seconds + jitter, LONGEST_RETRY_SECONDS)


def _result(error: AuthRefused | AuthUnavailable) -> AuthResult:
    if isinstance(error, AuthUnavailable):
        return "unreachable"
    return "denied" if error.code in DENIALS else "bad_answer"


def _rooms_of_answer(site: SiteSnapshot, status: int, body: bytes) -> Rooms:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("authUrl of %s answered %d", site.name, status)
        raise AuthUnavailable(f"The site answered {status}", status)
    if status in DENIALS:
        raise AuthRefused(AUTHENTICATION_FAILED, code=status)
    if status != HTTPStatus.OK:
        logger.warning("authUrl of %s answered %d", site.name, status)
        raise AuthRefused(f"Auth {status} error", code=status)
    problem = "more than 1 MiB" if len(body) > MAX_BODY_BYTES else ""
    try:
        # A byte order mark, as an editor may leave in a script: Node's fetch drops it, too.
        rooms = [] if problem else orjson.loads(body.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        problem = "no JSON"
    problem = problem or _problem_of_rooms(rooms)
    if problem:
        logger.warning("authUrl of %s answered %s", site.name, problem)
        text = f"Auth error: expected a JSON list of room names, got {problem}"
        raise AuthRefused(text, code=status)
    return tuple(dict.fromkeys(rooms))


def _problem_of_rooms(rooms: object) -> str:
    """Name what is wrong with the answer, "" when nothing is."""
    if not isinstance(rooms, list):
        return f"a JSON {_json_type(rooms)}"
    if len(rooms) > MAX_ROOMS:
        return f"more than {MAX_ROOMS} rooms"
    for room in rooms:
        if not isinstance(room, str):
            return f"a list with a JSON {_json_type(room)}"
        if not 1 <= len(room) <= MAX_ROOM_LENGTH:
            return f"a room name of {len(room)} characters"
    return ""


def _json_type(value: object) -> str:
    return JSON_TYPES[type(value)]
