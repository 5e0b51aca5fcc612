"""A user with messages waiting, and what comes of them: live, or in batches."""

from typing import Any

import pytest

from tests.e2e.events import Event, broadcast
from tests.e2e.node_client import NodeClient
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    """Each in a shared room of the same number, where markers are sent."""
    user = fake_site.new_user()
    fake_site.knows(user.token, [user.room, shared(user)])
    return user


def shared(user: User) -> str:
    return f"all_{user.room}"


async def has_nothing_waiting(client: NodeClient, service: Service, user: User) -> bool:
    await service.send(shared(user), "marker")
    return await client.event() == broadcast("marker")


def messages(event: Event) -> list[list[Any]]:
    """What an event of a user room says, whether it comes live or in a batch."""
    return event.args[0] if event.name == "batch" else [[event.name, *event.args]]


async def collect(client: NodeClient, count: int) -> list[list[Any]]:
    """Messages of user rooms until `count` have come; each ack is given."""
    heard: list[list[Any]] = []
    while len(heard) < count:
        event = await client.event()
        heard.extend(messages(event))
        client.ack(event)
    return heard
