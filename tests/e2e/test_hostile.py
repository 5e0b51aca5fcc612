"""Clients that do what no stock client does: nothing of it stays behind, or reaches others."""

import json

import pytest
from aiohttp import ClientWebSocketResponse, WSServerHandshakeError

from tests.e2e.raw_socket import CLOSING
from tests.e2e.service import SERVER, Service
from tests.e2e.waiting import WAIT_SECONDS

POLLING = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"


async def open_by_polling(service: Service) -> str:
    """Return the sid."""
    async with service.http.get(POLLING) as answer:
        sid: str = json.loads((await answer.text())[1:])["sid"]
        return sid


async def probe(websocket: ClientWebSocketResponse) -> None:
    await websocket.send_str("2probe")
    assert (await websocket.receive(timeout=WAIT_SECONDS)).data == "3probe"


async def test_a_second_websocket_of_one_session_is_refused(service: Service) -> None:
    sid = await open_by_polling(service)
    async with service.http.ws_connect(f"{WEBSOCKET}&sid={sid}") as first:
        await probe(first)
        with pytest.raises(WSServerHandshakeError, match="403"):
            await service.http.ws_connect(f"{WEBSOCKET}&sid={sid}")
        await first.send_str("5")
        await first.send_str("40/nosite,")
        answers = [(await first.receive(timeout=WAIT_SECONDS)).data for _ in range(2)]
        assert answers[0] == "6"  # ends a poll, where there was one
        assert answers[1].startswith("44/nosite,")


async def test_a_websocket_that_follows_on_a_session_that_has_ended_is_closed(
    service: Service,
) -> None:
    sid = await open_by_polling(service)
    async with service.http.ws_connect(f"{WEBSOCKET}&sid={sid}") as websocket:
        await probe(websocket)
        async with service.http.post(f"{POLLING}&sid={sid}", data="1") as answer:
            assert answer.status == 200
        await websocket.send_str("5")
        assert (await websocket.receive(timeout=WAIT_SECONDS)).type in CLOSING


# Uvicorn does not look at origins: one that makes no sense is one that no list allows.
OF_ODD_ORIGIN = {"daphne": 400, "uvicorn": 101}[SERVER]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Origin": "https://newsite.com:port"}, OF_ODD_ORIGIN),
        ({"Sec-WebSocket-Version": "x"}, 400),
    ],
)
async def test_a_handshake_that_makes_no_sense_fills_no_log(
    service: Service, header: dict[str, str], status: int
) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **header}
    async with service.http.get(WEBSOCKET, headers=headers) as answer:
        assert answer.status == status
    assert not service.failures


@pytest.mark.parametrize("origin", ["null", "file://", "capacitor://localhost"])
async def test_a_page_that_comes_from_no_website_opens_a_websocket(
    service: Service, origin: str
) -> None:
    """Of a sandboxed frame, a file or an app. Which origins a site takes is asked later."""
    headers = {"Origin": origin}
    async with service.http.ws_connect(WEBSOCKET, headers=headers) as websocket:
        assert (await websocket.receive(timeout=WAIT_SECONDS)).data.startswith("0{")
