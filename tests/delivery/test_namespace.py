"""From a client's token to a socket in its rooms, and out again."""

import asyncio
import logging
from typing import Any

import pytest

from delivery.exceptions import AuthRefused, AuthUnavailable, BackplaneUnavailable
from delivery.namespace import Namespaces
from delivery.queue_values import Device
from tests.delivery.fake_site import FakeSite, Reply, rooms_reply
from tests.delivery.namespace_fixtures import Admit, admit, namespaces, socket
from tests.delivery.queue_fixtures import NOBODY, texts
from tests.delivery.server_fixtures import CLIENT_TTL_SECONDS, MakeNamespaces, Sites
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS, FakeSocket, Process, until

__all__ = ["admit", "namespaces", "socket"]


async def test_admitted_client_is_in_the_rooms_its_site_names(
    admit: Admit, fake_site: FakeSite
) -> None:
    fake_site.answer(rooms_reply("user_1", "staff", "user_1"))
    connection = await admit(auth={"token": "12345", "deviceId": "phone"})
    assert connection.rooms == ("user_1", "staff")
    assert connection.devices == [Device("newsite", "user_1", "phone")]
    assert connection.namespace == "/newsite"
    assert fake_site.headers("Authorization") == ["Bearer 12345"]


async def test_namespace_names_the_site_that_is_asked(
    admit: Admit, fake_site: FakeSite, sites: Sites
) -> None:
    sites.change("othersite", auth_scheme="Token")
    connection = await admit("/othersite", "token=t2", auth={})
    assert connection.site == sites.known["othersite"]
    assert fake_site.headers("Authorization") == ["Token t2"]


@pytest.mark.parametrize(
    "namespace", ["/", "", "/nosuchsite", "/NEWSITE", "/newsite/", "//newsite", "/__proto__"]
)
async def test_unknown_site_is_an_invalid_namespace(
    namespace: str, admit: Admit, fake_site: FakeSite
) -> None:
    with pytest.raises(AuthRefused, match=r"^Invalid namespace$") as refusal:
        await admit(namespace)
    assert refusal.value.code is None
    assert fake_site.requests == []


@pytest.mark.parametrize("token", ["", None, [], "a\r\nX-Admin: 1"])
async def test_token_that_is_none_is_refused_unasked(
    token: Any, admit: Admit, fake_site: FakeSite, process: Process
) -> None:
    with pytest.raises(AuthRefused, match=r"^Authentication failed$"):
        await admit(auth={"token": token})
    assert fake_site.requests == []
    assert len(process.switchboard) == 0


async def test_device_id_that_is_too_long_is_refused_unasked(
    admit: Admit, fake_site: FakeSite
) -> None:
    with pytest.raises(AuthRefused, match="deviceId"):
        await admit(auth={"token": "12345", "deviceId": "x" * 257})
    assert fake_site.requests == []


async def test_refusal_of_the_site_passes_through_and_leaves_nothing(
    admit: Admit, fake_site: FakeSite, process: Process
) -> None:
    fake_site.answer(Reply(403))
    with pytest.raises(AuthRefused) as refusal:
        await admit()
    assert refusal.value.code == 403
    assert len(process.switchboard) == 0


async def test_site_is_asked_for_as_long_as_connect_timeout(
    make_namespaces: MakeNamespaces, fake_site: FakeSite
) -> None:
    fake_site.answer(Reply(released=asyncio.Event()))
    with pytest.raises(AuthUnavailable, match=r"No answer within 0\.01 s"):
        await make_namespaces(0.01).admit(
            "/newsite",
            "sid1",
            "token=12345",
            None,
            find_socket=lambda: None,
            close_transport=lambda _: None,
        )


async def test_backplane_out_of_reach_is_told_and_dismissal_cleans_up(
    admit: Admit, namespaces: Namespaces, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = process.backplane.join

    async def fail(site: str, rooms: tuple[str, ...]) -> None:
        await join(site, rooms)
        raise BackplaneUnavailable("Redis is gone")

    monkeypatch.setattr(process.backplane, "join", fail)
    with pytest.raises(BackplaneUnavailable):
        await admit()
    await namespaces.dismiss("sid1")
    assert len(process.switchboard) == 0


async def test_site_disabled_while_rooms_are_joined_is_an_invalid_namespace(
    admit: Admit, process: Process, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = process.backplane.join

    async def remove_and_join(site: str, rooms: tuple[str, ...]) -> None:
        sites.remove("newsite")
        await join(site, rooms)

    monkeypatch.setattr(process.backplane, "join", remove_and_join)
    with pytest.raises(AuthRefused, match=r"^Invalid namespace$"):
        await admit()


async def test_nothing_is_written_before_the_client_is_welcome(
    admit: Admit, namespaces: Namespaces, process: Process, socket: FakeSocket
) -> None:
    await admit()
    await process.publish("user_1", content=["stored"])
    await process.publish("staff", content=["missed"])
    await process.settle()
    assert socket.sent == []
    namespaces.welcome("sid1")
    await until(lambda: socket.sent)
    await process.publish("staff", content=["heard"])
    await process.settle()
    contents = [sent.content for sent in socket.sent]
    assert contents == [["stored"], ["heard"]]


async def test_welcome_tells_settings_first_where_system_events_are_prefixed(
    admit: Admit, namespaces: Namespaces, process: Process, sites: Sites, socket: FakeSocket
) -> None:
    sites.change("newsite", prefixed_system_events=True)
    await process.publish("user_1", content=["stored"])
    await admit()
    namespaces.welcome("sid1")
    await until(lambda: len(socket.sent) == 2)
    contents = [sent.content for sent in socket.sent]
    assert contents[0] == ["_settings", {"device_ttl": CLIENT_TTL_SECONDS}]
    assert contents[1] == ["_batch", [["stored"]]]


async def test_who_was_never_admitted_can_be_welcomed_acked_and_dismissed_without_harm(
    namespaces: Namespaces,
) -> None:
    namespaces.welcome("sid7")
    assert namespaces.acknowledge("sid7", 1) is False
    await namespaces.dismiss("sid7")


async def test_ack_counts_once_and_only_for_what_was_sent(
    admit: Admit, namespaces: Namespaces, process: Process, socket: FakeSocket
) -> None:
    await process.publish("user_1", content=["hello"])
    await admit()
    namespaces.welcome("sid1")
    await until(lambda: socket.sent)
    ack_id = socket.sent[0].ack_id
    assert ack_id is not None
    acks = [namespaces.acknowledge("sid1", each) for each in (ack_id + 1, ack_id, ack_id)]
    assert acks == [False, True, False]
    await process.acks.drain(TIMEOUT_SECONDS)
    assert await texts(process.queues, NOBODY) == []


async def test_dismissed_client_gets_nothing_more(
    admit: Admit, namespaces: Namespaces, process: Process, socket: FakeSocket
) -> None:
    await admit()
    namespaces.welcome("sid1")
    await namespaces.dismiss("sid1")
    await process.publish("staff", content=["hello"])
    await process.settle()
    assert socket.sent == []
    await namespaces.dismiss("sid1")
    assert len(process.switchboard) == 0


async def test_log_names_the_site_and_neither_token_nor_room(
    admit: Admit, namespaces: Namespaces, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="delivery")
    await admit(query="token=secret-in-query", auth={"token": "secret-in-auth"})
    namespaces.welcome("sid1")
    assert "newsite: connected, 2 rooms" in caplog.text
    assert "secret" not in caplog.text
    assert "user_1" not in caplog.text
