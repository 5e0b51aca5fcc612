"""A process is killed while its client hears a thousand messages: the client gets them all."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.e2e.arrivals import connections, first_arrivals
from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.sending import post
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

MESSAGES = 1_000
HEARD_BEFORE = 300
SERVERS: list[list[str]] = [[], ["--server", "uvicorn"]]
ALL_SECONDS = 60.0


async def send_numbers(service: Service, user: User) -> None:
    for number in range(MESSAGES):
        assert (await post(service.http, user.room, "n", number)).status == 200


async def everything_has_come(client: NodeClient) -> None:
    async def is_there() -> bool:
        return len(first_arrivals(client.history)) == MESSAGES

    await until(is_there, f"{MESSAGES} messages have come", ALL_SECONDS)


@pytest.mark.parametrize("server", SERVERS, ids=["daphne", "uvicorn"])
async def test_nothing_is_lost_when_the_clients_process_is_killed_amid_a_thousand_messages(
    server: list[str], node: NodeProcess, fake_site: FakeSite, tmp_path: Path
) -> None:
    user = fake_site.new_user()
    installation = install(tmp_path / "service", site_entries(fake_site), {})
    async with (
        running(installation, arguments=server) as staying,
        running(installation, -signal.SIGKILL, arguments=server) as killed,
    ):
        client = node.open(
            killed.namespace(),
            fallback=staying.url,
            auth={"token": user.token},
            reconnectionDelay=100,
        )
        await client.next("connect")
        sending = asyncio.create_task(send_numbers(staying, user))
        await client.events(HEARD_BEFORE)
        killed.process.kill()
        assert (await client.next("disconnect"))["reason"].startswith("transport ")
        assert not sending.done()
        await client.next("connect")
        await sending
        await everything_has_come(client)
    assert first_arrivals(client.history) == list(range(MESSAGES))
    assert all(heard == sorted(set(heard)) for heard in connections(client.history))
    assert not [each for each in client.history if each.get("event") == "resync"]
