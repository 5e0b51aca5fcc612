"""What goes on before a snapshot is taken: clients, messages and calls that leave every kind of
key that the service writes.

Names of sites, users and messages are those that tests/e2e/test_upgrade.py asks for.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from delivery.version import VERSION
from sioweb_project.embedded_redis import embedded_redis_url
from tests.e2e.installing import running
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import post
from tests.e2e.service import Installation, Service, Sites
from tests.e2e.site import HANG, Answer, FakeSite, User
from tests.e2e.waiting import until
from tests.upgrade.snapshot import Snapshot, read_keys

NEWSITE_KEY, UPDATED_KEY, LIMITED_KEY = "54321", "the-updated-key", "the-limited-key"
ORDER_KEY = "order 7"  # an Idempotency-Key
QUEUE_MESSAGES = 3
RECEIPTS = 12  # one for each message before those of the limited site
TOO_MANY = 120  # that is a debt of two minutes
CONFIG = {
    "redis": "embedded",
    "limits": {"queue_messages": QUEUE_MESSAGES},
    "receipts": {"max_messages": 2 * RECEIPTS},
}
USERS = {name: User(f"token-of-{name}", f"user_{name}") for name in "1234"}
STAFF = "staff"


def sites_of(website: FakeSite) -> Sites:
    common = {"authUrl": website.url("rooms"), "userRoomPrefix": "user_"}
    limits = {"sends_per_second": 1, "key_sends_per_second": 1, "sends_at_once": 10}
    return {
        "newsite": common | {"apiKey": NEWSITE_KEY},
        "updated": common | {"apiKey": UPDATED_KEY, "updateUserUrl": website.url("users/:id")},
        "limited": common | {"apiKey": LIMITED_KEY, "limits": limits},
    }


@asynccontextmanager
async def website() -> AsyncIterator[FakeSite]:
    """The web server of all three sites, which knows the users."""
    site = await FakeSite.start()
    for user in USERS.values():
        site.knows(user.token, [user.room, *([STAFF] if user is USERS["4"] else [])])
    try:
        yield site
    finally:
        await site.close()


@dataclass
class Scenario:
    service: Service
    site: FakeSite
    node: NodeProcess
    redis: "Redis"
    messages: dict[str, str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def begin(cls, folder: Path, node: NodeProcess) -> AsyncIterator["Scenario"]:
        """Start the service in an empty folder, with a Redis that nobody else writes to."""
        async with website() as site:
            installation = Installation.create(folder, sites_of(site), CONFIG)
            async with running(installation) as service:
                url = embedded_redis_url(installation.data_dir)
                async with Redis.from_url(url) as redis:
                    yield cls(service, site, node, redis)

    async def play(self) -> Snapshot:
        await self._refuse_one_with_a_faulty_site()
        await self._let_messages_wait_for_two_devices()
        await self._send("for the first device", "2", "update", "welcome")
        await self._overflow()
        await self._leave_one_online()
        await self._send_too_much()
        await self._tell_of_users()
        keys = [_without_machine(each) for each in await read_keys(self.redis)]
        taken_ms = await self._now_ms()
        return Snapshot(VERSION, taken_ms, self.messages, keys)

    async def _refuse_one_with_a_faulty_site(self) -> None:
        token = self.site.answers("token-of-nobody", Answer(text="{}"))
        client = self.node.open(self.service.namespace(), auth={"token": token})
        await client.next("connect_error")

    async def _let_messages_wait_for_two_devices(self) -> None:
        """One message acknowledged by the phone, before the laptop came; three wait for both."""
        phone = await self._open("1", "phone")
        await self._send("acked", "1", "update", "first")
        phone.ack(await phone.event())
        await self._is("acked", "acked")
        laptop = await self._open("1", "laptop")
        await self._send("sent", "1", "update", "über", {"id": 1, "age": 5})
        for client, device in ((phone, "phone"), (laptop, "laptop")):
            await client.event()
            await self._leave(client, "1", device)
        reply = await post(self.service.http, USERS["1"].room, "update", "an order", key=ORDER_KEY)
        self.messages["once"] = reply.answer["id"]
        await self._send("in order", "1", "note", "last", resync="true")

    async def _overflow(self) -> None:
        """A resync is pending for a tablet, and one message behind it."""
        await self._leave(await self._open("3", "tablet"), "3", "tablet")
        for number in range(QUEUE_MESSAGES):
            await self._send(f"dropped {number}", "3", "update", number)
        await self._send("overflowing", "3", "update", "one more than fits")
        await self._send("after it", "3", "update", "after it")

    async def _leave_one_online(self) -> None:
        desk = await self._open("4", "desk")
        await self._send("not acked", "4", "update", "here")
        await desk.event()
        self.messages["broadcast"] = (await self.service.send(STAFF, "news", "all"))["id"]
        await desk.event()

    async def _send_too_much(self) -> None:
        """No receipts are left for these."""
        parameters = {"site": "limited", "apiKey": LIMITED_KEY}
        batch = [{"rooms": "somewhere", "event": "tick"}] * TOO_MANY
        async with self.service.http.post("/send/batch", params=parameters, json=batch) as reply:
            assert reply.status == 200

    async def _tell_of_users(self) -> None:
        """The site was told of two users, has not answered yet of the third, and is to be told
        in some seconds that the second has gone."""
        self.site.answers("", Answer(), Answer(), HANG)  # its calls bring no token
        clients = []
        for name in "123":
            clients.append(await self._open(name, "phone", "updated"))
            key, user = ("told", "busy")[name == "3"], f"updated/{USERS[name].room}"
            await until(partial(self._knows, key, user), f"{user} is {key}")
        await until(self._has_reported, "the process has told of four clients")
        await self._receipt("broadcast")  # what was noted is written by then
        due_ms = await self._due_ms("2")
        await self._leave(clients[1], "2", "phone", "updated")

        async def is_noted() -> bool:
            return await self._due_ms("2") < due_ms

        await until(is_noted, "somebody will look at the user who has gone")

    async def _open(self, user: str, device: str, site: str = "newsite") -> NodeClient:
        auth = {"token": USERS[user].token, "deviceId": device}
        client = self.node.open(self.service.namespace(site), auth=auth, withhold_acks=True)
        await client.next("connect")
        return client

    async def _leave(
        self, client: NodeClient, user: str, device: str, site: str = "newsite"
    ) -> None:
        await client.disconnect()
        holders = f"sioweb:{{{site}/{USERS[user].room}}}:holders:{device}"

        async def is_away() -> bool:
            return not await self.redis.exists(holders)

        await until(is_away, f"{holders} is gone")

    async def _send(self, name: str, user: str, event: str, *args: Any, **query: str) -> None:
        answer = await self.service.send(USERS[user].room, event, *args, **query)
        self.messages[name] = answer["id"]

    async def _is(self, name: str, state: str) -> None:
        async def is_so() -> bool:
            receipt = await self._receipt(name)
            return [each["state"] for each in receipt["rooms"][0]["devices"]] == [state]

        await until(is_so, f"{name} is {state}")

    async def _receipt(self, name: str) -> dict[str, Any]:
        return await receipt_of(self.service, self.messages[name])

    async def _knows(self, key: str, user: str) -> bool:
        if key == "told":
            return await self.redis.hget("sioweb:{updates}:told", user) == b"1 0"
        return await self.redis.zscore("sioweb:{updates}:busy", user) is not None

    async def _due_ms(self, user: str) -> float:
        due: float | None = await self.redis.zscore(
            "sioweb:{updates}:due", f"updated/{USERS[user].room}"
        )
        assert due is not None
        return due

    async def _has_reported(self) -> bool:
        [report] = [
            await self.redis.get(name)
            async for name in self.redis.scan_iter(match="sioweb:{statistics}:process:*")
        ]
        return b'"clients":4,' in (report or b"")

    async def _now_ms(self) -> int:
        seconds, microseconds = await self.redis.time()
        return int(seconds * 1000 + microseconds // 1000)


async def receipt_of(service: Service, message_id: str) -> dict[str, Any]:
    parameters = {"site": "newsite", "apiKey": NEWSITE_KEY}
    async with service.http.get(f"/messages/{message_id}", params=parameters) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


def _without_machine(key: dict[str, Any]) -> dict[str, Any]:
    """A process says on which machine it runs."""
    if ":process:" not in key["key"]:
        return key
    report = json.loads(key["value"]) | {"host": "machine", "pid": 1}
    return key | {"value": json.dumps(report, separators=(",", ":"))}
