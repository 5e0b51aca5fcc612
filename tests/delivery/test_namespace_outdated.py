"""Clients whose site has changed or gone: who has to go, and who stays."""

from dataclasses import replace
from typing import Any

import pytest

from delivery.namespace import Namespaces
from sites.keys import digest_key
from sites.snapshots import KeySnapshot
from tests.delivery.namespace_fixtures import Admit, admit, namespaces, socket
from tests.delivery.server_fixtures import Sites

__all__ = ["admit", "namespaces", "socket"]


NEWSITE = frozenset({"newsite"})


async def test_clients_of_a_removed_site_are_gone_for_good(
    admit: Admit, namespaces: Namespaces, sites: Sites
) -> None:
    await admit(sid="a")
    await admit(sid="b")
    await admit("/othersite", sid="c")
    sites.remove("newsite")
    assert sorted(namespaces.outdated(NEWSITE)) == [
        ("a", "/newsite", True),
        ("b", "/newsite", True),
    ]


@pytest.mark.parametrize("change", [{"user_room_prefix": ""}, {"prefixed_system_events": True}])
async def test_clients_whose_site_means_something_else_are_to_come_back(
    change: dict[str, Any], admit: Admit, namespaces: Namespaces, sites: Sites
) -> None:
    connection = await admit()
    old = connection.site
    sites.change("newsite", **change)
    assert namespaces.outdated(NEWSITE) == [("sid1", "/newsite", False)]
    assert connection.site == old


@pytest.mark.parametrize(
    "change",
    [
        {"keys": (KeySnapshot(7, digest_key("another")),)},
        {"auth_url": "http://elsewhere.com/rooms"},
        {"auth_scheme": "Token"},
        {"update_user_url": "http://newsite.com/user"},
        {"public_channel": "public"},
        {"reauth_seconds": 60},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_clients_stay_when_the_change_means_nothing_to_them(
    change: dict[str, Any], admit: Admit, namespaces: Namespaces, sites: Sites
) -> None:
    connection = await admit()
    sites.change("newsite", **change)
    assert namespaces.outdated(NEWSITE) == []
    assert connection.site == replace(sites.known["newsite"], **change)


async def test_only_the_sites_that_changed_are_looked_at(
    admit: Admit, namespaces: Namespaces, sites: Sites
) -> None:
    await admit()
    sites.remove("newsite")
    assert namespaces.outdated(frozenset({"othersite"})) == []
    assert namespaces.outdated(frozenset()) == []
