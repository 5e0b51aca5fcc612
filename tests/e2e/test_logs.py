"""The log in production: JSON, an id from end to end, nothing forged and nothing told."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from yarl import URL

from tests.e2e.installing import install, running, site_entries
from tests.e2e.leaks import keep_arguments
from tests.e2e.node_client import NodeProcess
from tests.e2e.redis_view import paused, something_hangs
from tests.e2e.service import Service
from tests.e2e.site import Answer, FakeSite

ARGUMENT = "what only the client may read"
FORGED = '\n{"level":"error","event":"forged"}\r\x1b[31m\u2028'


def lines_of(service: Service, message_id: str) -> list[dict[str, Any]]:
    """As `grep ID` finds them."""
    return [json.loads(line) for line in service.errors if message_id in line]


async def test_an_id_leads_from_the_sender_to_the_ack_and_no_line_is_forged(
    tmp_path: Path, fake_site: FakeSite, node: NodeProcess
) -> None:
    config = {"log": {"deliveries": True}}
    installation = install(tmp_path / "service", site_entries(fake_site), config)
    keep_arguments(ARGUMENT)
    async with running(installation) as service:
        user = fake_site.new_user()
        evil = fake_site.new_user()
        fake_site.answers(evil.token, Answer(text=json.dumps([f"user_{FORGED}"])))
        for each in (user, evil):
            client = node.open(
                service.namespace(), auth={"token": each.token, "deviceId": f"phone{FORGED}"}
            )
            await client.next("connect")
            room = user.room if each is user else f"user_{FORGED}"
            answer = await service.send(room, f"event{FORGED}", {"deep": [ARGUMENT]})
            await client.event()
            await service.says(f"message {answer['id']} acked")
            await service.says(f"message {answer['id']} sent")
            steps = lines_of(service, answer["id"])
            assert {line["message"] for line in steps} == {answer["id"]}
            assert {line["site"] for line in steps} == {"newsite"}
            texts = " ".join(line["event"] for line in steps)
            assert all(step in texts for step in ("stored", "heard of", "written"))
            [sent] = [line for line in steps if "sent, rooms: 1" in line["event"]]
            assert (sent["logger"], sent["status"]) == ("sioweb.access", "200")
            [written] = [line for line in steps if line.get("step", "").startswith("written")]
            assert (written["room"], written["device"]) == (room, f"phone{FORGED}")
        async with service.http.get(f"/send{FORGED}", params={"site": FORGED}) as response:
            assert response.status == 404
    records = [json.loads(line) for line in service.errors]
    assert all(line.keys() >= {"timestamp", "level", "logger", "event"} for line in records)
    assert not [line for line in records if line["event"] == "forged"]
    assert all(line.isprintable() for line in service.errors)


@pytest.mark.parametrize("server", [[], ["--server", "uvicorn"]], ids=["daphne", "uvicorn"])
@pytest.mark.parametrize("first", ["", "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_what_is_sent_is_one_line_though_the_sender_has_hung_up(
    first: str, server: Sequence[str], tmp_path: Path, fake_site: FakeSite, redis: Redis
) -> None:
    """Under daphne a connection that begins with another request stays with it."""
    installation = install(tmp_path / "service", site_entries(fake_site), {})
    body = json.dumps({"rooms": fake_site.new_user().room, "event": "hello"})
    head = (
        f"POST /send?site=newsite&apiKey=54321 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"
    )
    async with running(installation, arguments=server) as service:
        url = URL(service.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        if first:
            writer.write(first.encode())
            await reader.readuntil(b"ok")
        async with paused(redis):
            writer.write(f"{head}\r\nContent-Type: application/json\r\n\r\n{body}".encode())
            await something_hangs(redis)
            writer.transport.abort()
        await service.says("sent, rooms: 1")
    [sent] = [json.loads(line) for line in service.errors if "sent, rooms: 1" in line]
    assert (sent["logger"], sent["site"], sent["rooms"]) == ("sioweb.access", "newsite", 1)
