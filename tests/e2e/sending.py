"""A careful sender: what is not answered with 200 is sent again, with the same Idempotency-Key."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession

from tests.e2e.leaks import keep_arguments
from tests.e2e.waiting import WAIT_SECONDS, until

QUERY = {"site": "newsite", "apiKey": "54321"}  # of the site in `installing`


@dataclass(frozen=True)
class Reply:
    status: int
    answer: Any  # JSON, or the text of whoever is in front of the service
    retry_after: str
    seconds: float


async def post(
    http: ClientSession, rooms: str | list[str], event: str, *args: Any, key: str = ""
) -> Reply:
    """Call `/send` once, of any service or address that `http` is a session for."""
    keep_arguments(args)
    clock = asyncio.get_running_loop().time
    began_at = clock()
    async with http.post(
        "/send",
        params=QUERY,
        json={"rooms": rooms, "event": event, "args": args},
        headers={"Idempotency-Key": key} if key else {},
    ) as response:
        is_json = response.content_type == "application/json"
        answer = await (response.json() if is_json else response.text())
        retry_after = response.headers.get("Retry-After", "")
        return Reply(response.status, answer, retry_after, clock() - began_at)


async def deliver(
    http: ClientSession,
    rooms: str | list[str],
    event: str,
    *args: Any,
    key: str,
    seconds: float = WAIT_SECONDS,
) -> Counter[int]:
    """Send until it is accepted, and return how often there was which status."""
    statuses: Counter[int] = Counter()

    async def is_accepted() -> bool:
        status = (await post(http, rooms, event, *args, key=key)).status
        statuses[status] += 1
        return status == 200

    await until(is_accepted, f"/send {event!r} {args} is answered with 200", seconds)
    return statuses
