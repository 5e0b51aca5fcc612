"""The log in production: JSON, an id from end to end, nothing forged and nothing told."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.installing import install, running, site_entries
from tests.e2e.leaks import keep_arguments
from tests.e2e.node_client import NodeProcess
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
