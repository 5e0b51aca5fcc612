"""Silence: redis-py ends each blocking read after 5 s of it unless it is told not to."""

import pytest

from tests.e2e.conftest import Connect
from tests.e2e.events import broadcast, stored
from tests.e2e.service import Service
from tests.e2e.site import FakeSite

SILENCE_SECONDS = 6.0


async def test_after_six_silent_seconds_messages_are_delivered_live(
    connect: Connect, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("idle")
    client = await connect(user)
    with pytest.raises(AssertionError, match="no event within"):
        await client.event(SILENCE_SECONDS)
    await service.send(user.room, "to_the_user")
    assert await client.event() == stored("to_the_user")
    await service.send("idle", "to_all")
    assert await client.event() == broadcast("to_all")
    assert not client.has_heard("disconnect")
