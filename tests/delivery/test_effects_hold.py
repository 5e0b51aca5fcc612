"""What the admin says before a site changes is what happens to its clients and senders."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from delivery.namespace import Namespaces
from sites.effects import Kind, of_change, of_deletion
from sites.limits import LIMIT_NAMES
from sites.models import ApiKey, Site
from sites.registry import Registry
from sites.status import UNKNOWN

KEY = "54321"
CHANGES: list[dict[str, Any]] = [
    {},
    {"is_enabled": False},
    {"name": "shop"},
    {"name": "shop", "is_enabled": False},
    {"user_room_prefix": ""},
    {"user_room_prefix": "u_"},
    {"prefixed_system_events": True},
    {"auth_url": "http://elsewhere.com/rooms"},
    {"auth_scheme": "Token"},
    {"update_user_url": "http://newsite.com/user"},
    {"public_channel": "public"},
    {"reauth_seconds": 60},
    {"allowed_origins": "https://newsite.com"},  # for those who come from now on
    *({name: 1} for name in LIMIT_NAMES),
]


@pytest.fixture
def site(db: None) -> Site:
    site = Site.objects.create(name="newsite", auth_url="http://a.com", user_room_prefix="user_")
    ApiKey.objects.add(site, KEY)
    return site


@pytest.fixture
def registry(site: Site) -> Registry:
    registry = Registry()
    registry.load()
    return registry


def outdated(registry: Registry) -> list[bool]:
    """What delivery does with one client of the site after the registry has read again:
    [True] = sent away, [False] = made to come back, [] = left alone."""
    connection = SimpleNamespace(sid="a", namespace="/newsite", site=registry.get("newsite"))
    namespaces = Namespaces(
        registry,
        cast("Any", None),
        cast("Any", [connection]),
        cast("Any", None),
        cast("Any", None),
        cast("Any", None),
        connect_timeout_seconds=1,
        client_ttl_seconds=1,
    )
    return [is_gone for *_, is_gone in namespaces.outdated(registry.load())]


def said(kinds: set[Kind]) -> list[bool]:
    if Kind.SENT_AWAY in kinds:
        return [True]
    return [False] if Kind.RECONNECTED in kinds else []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: ",".join(change) or "nothing")
def test_a_change_does_what_is_said(change: dict[str, Any], site: Site, registry: Registry) -> None:
    before = Site.objects.get()
    for name, value in change.items():
        setattr(site, name, value)
    kinds = {effect.kind for effect in of_change(before, site, UNKNOWN)}
    site.save()
    assert outdated(registry) == said(kinds)
    assert (registry.identify("newsite", KEY)[0] is None) == (Kind.REFUSED in kinds)


def test_every_field_that_delivery_knows_is_tried() -> None:
    own = {"id", "created_at", "updated_at"}
    fields = {field.name for field in Site._meta.concrete_fields} - own
    assert {name for change in CHANGES for name in change} == fields


def test_deletion_does_what_is_said(site: Site, registry: Registry) -> None:
    kinds = {effect.kind for effect in of_deletion(site, UNKNOWN)}
    site.delete()
    assert outdated(registry) == said(kinds) == [True]
    assert registry.identify("newsite", KEY) == (None, 0)
    assert Kind.REFUSED in kinds
