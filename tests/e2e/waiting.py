"""Waiting for something to happen, never longer than a while. Imports nothing of the project."""

import asyncio
from collections.abc import Awaitable, Callable

# Far more than anything here takes: a busy machine must not fail a test.
WAIT_SECONDS = 15.0
POLL_SECONDS = 0.02
TURNS = 5  # of the event loop, within which a connection that has come is taken


async def until(
    is_so: Callable[[], Awaitable[bool]], what: str, seconds: float = WAIT_SECONDS
) -> None:
    """For what tells nobody when it happens, such as the expiry of a key: ask until it is so."""
    try:
        async with asyncio.timeout(seconds):
            while not await is_so():  # noqa: ASYNC110 -- there is no event to wait for
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}") from None


async def until_taken() -> None:
    """Before a server of this loop closes: asyncio drops, and leaves open, the connections that it
    takes while it does, which the garbage collector tells another test."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
