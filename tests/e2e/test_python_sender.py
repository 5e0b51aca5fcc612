"""The helper for backends (`sioweb_project/clients/python`), against the service, and against a
server that fails as one does behind a proxy, at a restart, or amid a call."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sioweb_client import Refused, Sender, Unavailable

from tests.e2e.conftest import Connect
from tests.e2e.events import stored
from tests.e2e.service import PROJECT, Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

KEY = "54321"
PAGE = PROJECT / "docs" / "clients.md"
CHUNK_BYTES = 65_536
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'
BUSY = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
)


@pytest.fixture
def sender(service: Service) -> Iterator[Sender]:
    with Sender(service.url, "newsite", KEY) as sender:
        yield sender


async def test_messages_arrive_and_their_receipts_say_so(
    sender: Sender, fake_site: FakeSite, connect: Connect
) -> None:
    user = fake_site.new_user()
    client = await connect(user)
    sent = await asyncio.to_thread(sender.send, user.room, "update_store", "user", {"id": 1})
    assert (sent["queued"], sent["broadcast"]) == (1, 0)
    assert await client.event() == stored("update_store", "user", {"id": 1})

    async def is_noted() -> bool:
        receipt = await asyncio.to_thread(sender.receipt, sent["id"])
        return receipt is not None and receipt["event"] == "update_store"

    await until(is_noted, "there is a receipt")
    assert await asyncio.to_thread(sender.receipt, "1") is None


async def test_many_are_sent_at_once_and_a_wrong_one_is_refused_alone(
    sender: Sender, fake_site: FakeSite, connect: Connect
) -> None:
    user = fake_site.new_user()
    client = await connect(user)
    messages = [{"rooms": user.room, "event": event} for event in ("one", "", "two")]
    entries = await asyncio.to_thread(sender.send_many, messages)
    assert [entry["ok"] for entry in entries] == [True, False, True]
    assert entries[1]["error"]["code"] == "invalid_event"
    assert await client.events(2) == [stored("one"), stored("two")]


async def test_threads_share_a_sender(sender: Sender) -> None:
    calls = [asyncio.to_thread(sender.send, "staff", "hello", number) for number in range(20)]
    answers = await asyncio.gather(*calls)
    assert len({answer["id"] for answer in answers}) == 20


async def test_who_is_online_is_told_and_disconnected(
    sender: Sender, fake_site: FakeSite, connect: Connect
) -> None:
    user, nobody = fake_site.new_user(), fake_site.new_user()
    client = await connect(user)
    found = await asyncio.to_thread(sender.presence, user.room, nobody.room)
    assert [each["online"] for each in found] == [True, False]
    devices = [{"room": nobody.room, "device": "phone"}]
    assert await asyncio.to_thread(sender.disconnect, user.room, devices) == 2
    await client.next("disconnect")


async def test_a_wrong_call_is_refused_with_code_and_message_and_without_the_key(
    service: Service,
) -> None:
    with Sender(service.url, "newsite", "a-key-that-is-wrong") as sender:
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(sender.send, "user_1", "hello")
        with pytest.raises(ValueError, match="Out of range float"):
            await asyncio.to_thread(sender.send, "user_1", "hello", float("nan"))
    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")
    assert refused.value.message == "ApiKey invalid."
    assert "a-key-that-is-wrong" not in f"{refused.value!r} {sender!r} {vars(refused.value)}"


async def test_a_sender_that_could_not_work_is_not_made() -> None:
    with pytest.raises(ValueError, match="expected http"):
        Sender("push.newsite.com", "newsite", KEY)
    with pytest.raises(ValueError, match="is a line break at its end") as error:
        Sender("https://push.newsite.com", "newsite", f"{KEY}\n")
    assert KEY not in str(error.value)


async def test_the_pages_example_works(
    service: Service, fake_site: FakeSite, connect: Connect
) -> None:
    """To rooms that no other test has."""
    fake_site.knows("token-of-the-example", ["user_example-1"])
    client = await connect(User("token-of-the-example", "user_example-1"))
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    code = code.replace("https://push.newsite.com", service.url).replace("user_", "user_example-")
    code += "\nsender.close()\n"
    await asyncio.to_thread(exec, code, {"key": KEY})
    assert await client.event() == stored("update_store", "user", {"id": 1})
    await client.next("disconnect")


async def test_a_call_whose_answer_was_lost_takes_effect_once(
    service: Service, fake_site: FakeSite, connect: Connect
) -> None:
    """The connection is cut when the service has answered and the sender has not heard."""
    user = fake_site.new_user()
    client = await connect(user)
    async with _server(losing_the_first_answer(service.port)) as sender:
        await asyncio.to_thread(sender.send, user.room, "once")
        await asyncio.to_thread(sender.send, user.room, "marker")
    assert await client.events(2) == [stored("once"), stored("marker")]


async def test_busy_answers_are_repeated_with_the_same_key_on_one_connection() -> None:
    server = Scripted([*BUSY, OK, OK])
    async with _server(server.serve) as sender:
        assert await asyncio.to_thread(sender.send, "staff", "hello") == {"ok": True}
        assert await asyncio.to_thread(sender.send, "staff", "hello", once="order 7")
    *attempts, other = server.idempotency_keys
    assert len(attempts) == len(BUSY) + 1
    assert len({*attempts}) == 1
    assert other == "order 7"
    assert server.connections == 1


async def test_a_connection_that_was_closed_while_idle_is_opened_anew() -> None:
    server = Scripted([OK, OK], is_closing=True)
    async with _server(server.serve, patience=0) as sender:
        for _ in range(2):
            assert await asyncio.to_thread(sender.send, "staff", "hello") == {"ok": True}
    assert server.connections == 2


async def test_patience_ends_with_what_was_wrong_last() -> None:
    async with _server(Scripted([BUSY[0]]).serve, patience=0.5) as sender:
        with pytest.raises(Unavailable) as unavailable:
            await asyncio.to_thread(sender.send, "staff", "hello")
    assert (unavailable.value.status, unavailable.value.retry_after) == (429, 1)
    with pytest.raises(Unavailable) as unavailable:  # the server has gone
        await asyncio.to_thread(sender.send, "staff", "hello")
    assert (unavailable.value.status, unavailable.value.code) == (None, "unreachable")


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    async with _server(Scripted([]).serve, timeout=0.2, patience=0) as sender:
        with pytest.raises(Unavailable):
            await asyncio.to_thread(sender.send, "staff", "hello")


async def test_an_answer_of_another_server_is_refused() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    async with _server(Scripted([answer]).serve) as sender:
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(sender.send, "staff", "hello")
    assert refused.value.code == "no_json"


@dataclass
class Scripted:
    """Answers requests with these, in turn, and with nothing after the last."""

    answers: list[bytes]
    is_closing: bool = False
    idempotency_keys: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await _request(reader):
            self.idempotency_keys.append(head["idempotency-key"])
            if not self.answers:
                await reader.read()
                break
            writer.write(self.answers.pop(0))
            if self.is_closing:
                break
        writer.close()


def losing_the_first_answer(port: int) -> Any:
    is_first = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_first
        service_reader, service_writer = await asyncio.open_connection("127.0.0.1", port)
        pump = asyncio.create_task(_pump(reader, service_writer))
        answer = await service_reader.read(CHUNK_BYTES)
        is_lost, is_first = is_first, False
        if not is_lost:
            writer.write(answer)
            await _pump(service_reader, writer)
        pump.cancel()
        service_writer.close()
        writer.close()

    return serve


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
    writer.close()


async def _request(reader: asyncio.StreamReader) -> dict[str, str]:
    """The headers of the next request, {} at the end; its body has been read."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
    except asyncio.IncompleteReadError:
        return {}
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    json.loads(await reader.readexactly(int(headers["content-length"])))
    return headers


@asynccontextmanager
async def _server(serve: Any, **options: Any) -> AsyncIterator[Sender]:
    """Serve, and give a sender to there."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with Sender(f"http://127.0.0.1:{port}", "newsite", KEY, **options) as sender:
            yield sender
    finally:
        server.close()
