"""What makes no sense on the transport ends it with an answer, and fills no log."""

import pytest

from tests.e2e.raw_socket import raw_socket
from tests.e2e.service import Service
from tests.e2e.site import FakeSite

CLOSE = "1"  # Engine.IO's packet
POLLING = "/socket.io/?EIO=4&transport=polling"


async def open_polling(service: Service) -> str:
    """Return the id of a new Engine.IO session."""
    async with service.http.get(POLLING) as response:
        text = await response.text()
        return text.partition('"sid":"')[2].partition('"')[0]


@pytest.mark.parametrize("body", [b"garbage", b"\xff\xfe", b"9", b"4\x1ebad", b"x" * 1_000_001])
async def test_a_poll_post_of_garbage_is_refused_and_ends_the_session(
    body: bytes, service: Service
) -> None:
    sid = await open_polling(service)
    async with service.http.post(f"{POLLING}&sid={sid}", data=body) as response:
        assert response.status == 400
    async with service.http.post(f"{POLLING}&sid={sid}", data=b"3") as response:
        assert response.status == 400
    assert not service.failures


@pytest.mark.parametrize("frame", ["x", "40/newsite,{"])
async def test_a_websocket_frame_of_garbage_closes_the_websocket(
    frame: str, service: Service, fake_site: FakeSite
) -> None:
    async with raw_socket(service) as socket:
        await socket.write(frame)
        assert await socket.read() == CLOSE
        assert await socket.read() is None
    user = fake_site.new_user()
    async with raw_socket(service) as other:
        await other.join("newsite", user.token)
    assert not service.failures
