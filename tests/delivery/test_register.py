"""The register of sockets: coming, connected, leaving, gone."""

import itertools
from types import SimpleNamespace

import pytest

from delivery.register import Register

SITE = "/newsite"


@pytest.fixture
def register() -> Register:
    ids = itertools.count(1)
    register = Register()
    register.server = SimpleNamespace(eio=SimpleNamespace(generate_id=lambda: f"sid-{next(ids)}"))
    return register


async def test_socket_is_connected_once_its_site_has_said_yes(register: Register) -> None:
    sid = await register.pre_connect("transport", SITE)
    assert sid is not None
    assert not register.is_connected(sid, SITE)
    await register.connect(sid, SITE)
    assert register.is_connected(sid, SITE)
    assert register.sid_from_eio_sid("transport", SITE) == sid
    assert register.eio_sid_from_sid(sid, SITE) == "transport"


async def test_transport_has_one_socket_in_a_namespace(register: Register) -> None:
    assert await register.pre_connect("transport", SITE)
    assert await register.pre_connect("transport", SITE) is None
    assert await register.pre_connect("transport", "/othersite")


async def test_socket_that_leaves_is_not_connected_but_still_known(register: Register) -> None:
    sid = await register.pre_connect("transport", SITE)
    assert sid is not None
    await register.connect(sid, SITE)
    assert register.pre_disconnect(sid, SITE) == "transport"
    assert not register.is_connected(sid, SITE)
    assert register.eio_sid_from_sid(sid, SITE) == "transport"


async def test_nothing_is_kept_of_sockets_that_are_gone(register: Register) -> None:
    for number in range(3):
        sid = await register.pre_connect(f"transport-{number}", SITE)
        assert sid is not None
        if number:
            await register.connect(sid, SITE)
            register.pre_disconnect(sid, SITE)
        await register.disconnect(sid, SITE)
        await register.disconnect(sid, SITE)
        assert not register.is_connected(sid, SITE)
    assert (register.rooms, register._coming, register._leaving) == ({}, set(), set())
