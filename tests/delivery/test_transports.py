"""Transports that do nothing: not too many of them, and those that came first go first."""

from collections.abc import Callable

import pytest

from delivery import transports as transports_module
from delivery.transports import Listener
from tests.delivery.server_fixtures import Gateway, MakeGateway
from tests.delivery.socket_fixtures import until


@pytest.fixture
def gateway(make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setattr(transports_module, "MAX_IDLE", 2)
    return make_gateway()


async def test_past_the_limit_the_one_that_is_idle_longest_is_closed(gateway: Gateway) -> None:
    first, second, third = [await gateway.open() for _ in range(3)]
    assert await first.is_closed()
    await second.join()
    await third.join()
    assert not gateway.server._transports._idle


async def test_transports_in_a_namespace_do_not_count(gateway: Gateway) -> None:
    joined = [await gateway.open() for _ in range(2)]
    for client in joined:
        await client.join()
    idle = [await gateway.open() for _ in range(2)]
    assert set(gateway.server._transports._idle) == {client.sid for client in idle}
    assert len(gateway.server._transports) == 4


async def test_transport_that_was_refused_or_has_left_is_idle_again(gateway: Gateway) -> None:
    refused, left = await gateway.open(), await gateway.open()
    await refused.join("/nosuchsite")
    await left.join()
    left.write("41/newsite,")
    await left.settle()
    third = await gateway.open()
    assert await refused.is_closed()
    assert set(gateway.server._transports._idle) == {left.sid, third.sid}


async def test_nothing_is_kept_of_transports_that_are_gone(gateway: Gateway) -> None:
    client = await gateway.open()
    await client.hang_up()
    assert not gateway.server._transports._idle
    await until(lambda: not gateway.leftovers)


class WebSocketOfTheServer:
    def __init__(self) -> None:
        self.is_cut = False

    def write(self, frame: bytes) -> bool:
        return False

    def finish(self) -> None: ...

    def close(self, reason: str) -> None: ...

    async def take_over(self, listener: Listener) -> None: ...

    def tell_end(self, callback: Callable[[], None]) -> bool:
        return False

    def abort(self) -> None:
        self.is_cut = True


@pytest.mark.parametrize(("reason", "is_cut"), [("ping timeout", True), ("transport close", False)])
async def test_websocket_is_cut_when_its_client_has_not_answered(
    gateway: Gateway, reason: str, is_cut: bool
) -> None:
    client = await gateway.open()
    websocket = WebSocketOfTheServer()
    gateway.server.eio.sockets[client.sid].websocket = websocket
    await gateway.server._handle_eio_disconnect(client.sid, reason)
    assert websocket.is_cut is is_cut
