"""Names of sites: looked up once for all, not for each."""

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from delivery import lookups
from delivery.lookups import AddressInfo, Lookup
from tests.delivery.socket_fixtures import until


def info(address: str) -> AddressInfo:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))


ONE, OTHER = info("203.0.113.1"), info("203.0.113.2")


@dataclass
class NameServer:
    """Answers with ONE and OTHER, or that it knows no name, as soon as it may."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    knows: bool = True
    flags: list[int] = field(default_factory=list)  # of each question

    async def find(self, *_: Any, flags: int, **__: Any) -> list[AddressInfo]:
        self.flags.append(flags)
        await self.may_answer.wait()
        if not self.knows:
            raise socket.gaierror
        return [ONE, OTHER]


@pytest_asyncio.fixture
async def name_server(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    server = NameServer()
    server.may_answer.set()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", server.find)
    return server


async def test_all_that_ask_meanwhile_hear_of_one_lookup(name_server: NameServer) -> None:
    name_server.may_answer.clear()
    lookup = Lookup("newsite.com", 80)
    asking = [asyncio.create_task(lookup.addresses()) for _ in range(3)]
    await until(lambda: name_server.flags)
    asking[0].cancel()
    name_server.may_answer.set()
    await asyncio.wait(asking)
    assert [each.result() for each in asking[1:]] == [[ONE, OTHER], [OTHER, ONE]]
    assert len(name_server.flags) == 1


async def test_a_lookup_that_all_have_left_is_not_made_again_beside_itself(
    name_server: NameServer,
) -> None:
    name_server.may_answer.clear()
    name_server.knows = False
    lookup = Lookup("newsite.com", 80)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await lookup.addresses()
    asking = asyncio.create_task(lookup.addresses())
    await until(lambda: name_server.flags)
    name_server.may_answer.set()
    with pytest.raises(socket.gaierror):
        await asking
    assert len(name_server.flags) == 1


async def test_what_was_found_is_known_for_a_while(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup = Lookup("newsite.com", 80)
    assert [await lookup.addresses() for _ in range(3)] == [
        [ONE, OTHER],
        [OTHER, ONE],
        [ONE, OTHER],
    ]
    assert len(name_server.flags) == 1
    monkeypatch.setattr(lookups, "KNOWN_SECONDS", 0.0)
    lookup._known_until = 0.0
    for _ in range(2):
        await lookup.addresses()
    assert len(name_server.flags) == 3


async def test_what_was_not_found_is_asked_again(name_server: NameServer) -> None:
    name_server.knows = False
    lookup = Lookup("newsite.com", 80)
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await lookup.addresses()
    assert len(name_server.flags) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "::1"])
async def test_an_address_leads_somewhere_where_this_machine_has_none_of_its_kind(
    host: str, name_server: NameServer
) -> None:
    await Lookup(host, 80).addresses()
    assert not name_server.flags[0] & socket.AI_ADDRCONFIG
