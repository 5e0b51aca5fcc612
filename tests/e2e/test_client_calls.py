"""`/disconnect`, `/presence` and `updateUserUrl` over processes: clients are on one, the calls
on another.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.events import broadcast
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import QUERY
from tests.e2e.service import Service
from tests.e2e.site import Answer, FakeSite, User
from tests.e2e.waiting import until


@dataclass(frozen=True)
class Pair:
    clients: Service  # where they connect
    calls: Service

    async def disconnect(self, **body: Any) -> dict[str, Any]:
        async with self.calls.http.post("/disconnect", params=QUERY, json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def presence(self, *rooms: str) -> list[dict[str, Any]]:
        query = [*QUERY.items(), *(("room", room) for room in rooms)]
        async with self.calls.http.get("/presence", params=query) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            found: list[dict[str, Any]] = answer["rooms"]
            return found

    async def is_offline(self, room: str) -> None:
        async def is_so() -> bool:
            return not (await self.presence(room))[0]["online"]

        await until(is_so, f"{room} is offline")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    sites = site_entries(fake_site)
    sites["newsite"] |= {"updateUserUrl": fake_site.url("users/:id")}
    fake_site.answers("", Answer(204))  # the token of these calls: they bring none
    installation = install(tmp_path_factory.mktemp("pair") / "it", sites, {})
    async with AsyncExitStack() as stack:
        yield Pair(
            await stack.enter_async_context(running(installation)),
            await stack.enter_async_context(running(installation)),
        )


async def open_tab(node: NodeProcess, pair: Pair, user: User, device: str) -> NodeClient:
    auth = {"token": user.token, "deviceId": device}
    client = node.open(pair.clients.namespace(), auth=auth, reconnectionDelay=100)
    await client.next("connect")
    return client


async def test_presence_follows_a_users_devices(
    node: NodeProcess, pair: Pair, fake_site: FakeSite
) -> None:
    user, stranger = fake_site.new_user(), fake_site.new_user()
    phone = await open_tab(node, pair, user, "phone")
    laptop = await open_tab(node, pair, user, "laptop")
    await phone.disconnect()

    async def phone_is_away() -> bool:
        [found] = await pair.presence(user.room)
        return {each["device"]: each["online"] for each in found["devices"]} == {
            "phone": False,
            "laptop": True,
        }

    await until(phone_is_away, "the phone is offline, the laptop online")
    here, unknown = await pair.presence(user.room, stranger.room)
    assert here["online"]
    assert unknown == {"room": stranger.room, "online": False, "since": None, "devices": []}
    await laptop.disconnect()
    await pair.is_offline(user.room)
    [left] = await pair.presence(user.room)
    assert left["since"] >= here["since"]


async def test_disconnected_clients_come_back_and_their_site_is_asked_again(
    node: NodeProcess, pair: Pair, fake_site: FakeSite
) -> None:
    user, bystander = fake_site.new_user("staff"), fake_site.new_user("staff")
    tab = await open_tab(node, pair, user, "phone")
    other = await open_tab(node, pair, bystander, "phone")
    fake_site.knows(user.token, [user.room, "guests"])
    assert await pair.disconnect(rooms=[user.room]) == {"ok": True, "targets": 1}
    assert (await tab.next("disconnect"))["reason"].startswith("transport ")
    await tab.next("connect")
    await pair.calls.send(["staff", "guests"], "hello")
    assert await tab.event() == await other.event() == broadcast("hello")
    assert not other.has_heard("disconnect")


async def test_client_that_is_no_longer_welcome_stays_out(
    node: NodeProcess, pair: Pair, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    phone = await open_tab(node, pair, user, "phone")
    laptop = await open_tab(node, pair, user, "laptop")
    fake_site.answers(user.token, Answer(403))
    await pair.disconnect(devices=[{"room": user.room, "device": "phone"}])
    await phone.next("disconnect")
    assert (await phone.next("connect_error"))["message"] == "Authentication failed"
    assert not laptop.has_heard("disconnect")
    await pair.disconnect(rooms=[user.room])
    await laptop.next("connect_error")
    await pair.is_offline(user.room)


async def test_site_hears_once_that_a_user_has_come_and_gone(
    node: NodeProcess, pair: Pair, fake_site: FakeSite
) -> None:
    user, later = fake_site.new_user(), fake_site.new_user()

    def heard(of: User) -> list[bool]:
        path = f"/users/{of.room.removeprefix('user_')}"
        calls = [call for call in fake_site.calls if (call.path, call.method) == (path, "PUT")]
        return [json.loads(call.body)["online"] for call in calls]

    async def hears(of: User, *changes: bool) -> None:
        async def is_so() -> bool:
            return heard(of) == list(changes)

        await until(is_so, f"the site hears {changes} of {of.room}")

    phone = await open_tab(node, pair, user, "phone")
    laptop = node.open(pair.calls.namespace(), auth={"token": user.token, "deviceId": "laptop"})
    await laptop.next("connect")
    await hears(user, True)
    await phone.disconnect()
    await pair.disconnect(rooms=[user.room])  # as a page that is loaded anew
    await laptop.next("connect")
    await laptop.disconnect()
    await hears(user, True, False)
    other = await open_tab(node, pair, later, "phone")
    await hears(later, True)
    await other.disconnect()
    await hears(later, True, False)
    assert heard(user) == [True, False]
