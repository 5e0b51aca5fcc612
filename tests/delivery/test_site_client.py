"""How sites are called, on connections that are kept for the next call."""

import asyncio
import sys
from itertools import islice
from typing import Any

import pytest

from delivery import site_client
from delivery.site_client import SiteClient
from delivery.site_connection import (
    Answer,
    CallFailed,
    NothingHeard,
    SiteConnection,
)
from sites.networks import DenyList
from tests.delivery.raw_site import CLOSED, HUNG, OK, OK_BEFORE_THE_END, RawSite, get
from tests.delivery.socket_fixtures import until


async def test_a_request_is_what_http_wants(caller: SiteClient, raw_site: RawSite) -> None:
    await caller.get(raw_site.url + "?a=1&b=ü#part", {"Authorization": "Bearer grüße"})
    line, *headers = raw_site.heads[0].decode().splitlines()
    assert line == "GET /rooms?a=1&b=%C3%BC HTTP/1.1"
    assert headers[0] == f"Host: 127.0.0.1:{raw_site.port}"
    assert headers[1].startswith("User-Agent: sioweb/")
    assert headers[2:] == ["Authorization: Bearer grüße", ""]


async def test_a_put_has_its_length(caller: SiteClient, raw_site: RawSite) -> None:
    answer = await caller.put(raw_site.url, {"Content-Type": "application/json"}, b'{"a":1}')
    assert answer == Answer(200, "", b"")
    assert raw_site.heads[0].startswith(b"PUT /rooms HTTP/1.1\r\n")
    assert raw_site.bodies == [b'{"a":1}']


async def test_a_connection_is_kept_for_the_next_call(
    caller: SiteClient, raw_site: RawSite
) -> None:
    for _ in range(3):
        await get(caller, raw_site)
    await caller.put(raw_site.url, {}, b"{}")
    assert len(raw_site.writers) == 1


@pytest.mark.parametrize(
    "reply",
    [
        OK_BEFORE_THE_END,
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        OK + OK,
        OK + b"HTTP/1.1 200",
        b"HTTP/1.1 401 No\r\nContent-Length: 2000000\r\n\r\nstill to come",
    ],
    ids=["told", "old", "two answers", "more", "a long body that is not read"],
)
async def test_a_connection_is_not_kept_after_an_answer(
    reply: bytes, caller: SiteClient, raw_site: RawSite
) -> None:
    assert (await get(caller, raw_site, reply)).status in (200, 401)
    assert (await get(caller, raw_site, OK)).body == b"[]"
    assert len(raw_site.writers) == 2


async def test_many_calls_have_a_connection_each(caller: SiteClient, raw_site: RawSite) -> None:
    for _ in range(2):
        await asyncio.gather(*(get(caller, raw_site) for _ in range(20)))
    assert len(raw_site.writers) == 20


async def test_many_calls_look_a_name_up_once(
    caller: SiteClient, raw_site: RawSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup holds one of a few threads: those of a slow name would leave others none."""
    loop = asyncio.get_running_loop()
    look_up, looked_up = loop.getaddrinfo, []

    def count(*args: Any, **options: Any) -> Any:
        looked_up.append(args)
        return look_up(*args, **options)

    monkeypatch.setattr(loop, "getaddrinfo", count)
    for _ in range(2):
        await asyncio.gather(*(get(caller, raw_site, OK_BEFORE_THE_END) for _ in range(20)))
    assert len(looked_up) == 1


async def test_an_answer_is_not_kept_while_another_call_hangs(
    caller: SiteClient, raw_site: RawSite
) -> None:
    await asyncio.gather(*(get(caller, raw_site) for _ in range(2)))
    raw_site.replies = [HUNG, OK]
    hung = asyncio.create_task(get(caller, raw_site))
    await until(lambda: len(raw_site.heads) == 3)
    answer = await get(caller, raw_site)
    await asyncio.sleep(0)  # the turn that brought it holds it, too
    references = sys.getrefcount(answer)
    assert references == 2  # here, and its own argument
    hung.cancel()
    await asyncio.wait([hung])


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_kept_connection_that_is_closed_as_the_call_comes_costs_nothing(
    method: str, caller: SiteClient, raw_site: RawSite
) -> None:
    await get(caller, raw_site, OK, CLOSED, OK)
    call = caller.get(raw_site.url, {}) if method == "GET" else caller.put(raw_site.url, {}, b"{}")
    assert (await call).status == 200
    assert len(raw_site.writers) == 2


async def test_a_sweep_in_that_moment_leaves_no_connection_to_nobody(
    caller: SiteClient, raw_site: RawSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    await get(caller, raw_site, OK, CLOSED, OK)
    [pool] = caller._pools.values()
    note_closed = pool.note_closed

    def sweep_behind(connection: SiteConnection) -> None:
        note_closed(connection)
        caller._close_unused()

    monkeypatch.setattr(pool, "note_closed", sweep_behind)
    await get(caller, raw_site)
    caller.close()
    await until(lambda: len(raw_site.closed) == 2)


async def test_a_new_connection_that_is_closed_is_no_answer(
    caller: SiteClient, raw_site: RawSite
) -> None:
    with pytest.raises(NothingHeard):
        await get(caller, raw_site, CLOSED)
    assert len(raw_site.writers) == 1


async def test_what_a_site_closes_or_says_unasked_ends_a_kept_connection(
    caller: SiteClient, raw_site: RawSite
) -> None:
    await get(caller, raw_site)
    raw_site.writers[0].write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await until(lambda: raw_site.closed)
    await get(caller, raw_site)
    raw_site.writers[1].close()
    await until(lambda: not any(pool._connections for pool in caller._pools.values()))
    await get(caller, raw_site)
    assert len(raw_site.writers) == len(raw_site.heads) == 3


async def test_a_call_that_is_taken_back_ends_its_connection(
    caller: SiteClient, raw_site: RawSite
) -> None:
    await get(caller, raw_site, OK, HUNG)
    call = asyncio.create_task(get(caller, raw_site))
    await until(lambda: len(raw_site.heads) == 2)
    call.cancel()
    await until(lambda: raw_site.closed)
    assert (await get(caller, raw_site, OK)).body == b"[]"


async def test_a_call_on_a_kept_connection_takes_as_long_as_it_may(raw_site: RawSite) -> None:
    caller = SiteClient(DenyList(), 0.05)
    await get(caller, raw_site, OK, HUNG)
    with pytest.raises(CallFailed, match="It took too long to answer"):
        await get(caller, raw_site)
    await until(lambda: raw_site.closed)
    caller.close()


async def test_a_connection_without_calls_is_closed(
    caller: SiteClient, raw_site: RawSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_client, "KEPT_SECONDS", 0.02)
    await get(caller, raw_site)
    await until(lambda: raw_site.closed)
    await until(lambda: not caller._pools)
    assert (await get(caller, raw_site)).body == b"[]"


async def test_closing_ends_what_is_under_way(caller: SiteClient, raw_site: RawSite) -> None:
    raw_site.replies = [HUNG]
    call = asyncio.create_task(get(caller, raw_site))
    await until(lambda: raw_site.heads)
    caller.close()
    with pytest.raises(NothingHeard):
        await call
    assert (await get(caller, raw_site, OK)).body == b"[]"


async def test_closing_while_a_connection_opens_leaves_none_open(
    caller: SiteClient, raw_site: RawSite
) -> None:
    call = asyncio.create_task(get(caller, raw_site))
    await asyncio.sleep(0)  # it looks the address up
    caller.close()
    with pytest.raises(CallFailed):
        await call
    assert not list(islice(caller._pools, 1))
