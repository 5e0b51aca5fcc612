"""What is said to happen when a site changes or goes."""

from typing import Any

import pytest

from sites.effects import Kind, of_change, of_deletion
from sites.models import ApiKey, Site
from sites.status import UNKNOWN, SiteStatus

KNOWN = SiteStatus(clients=1412, waiting=1)


def site(**fields: Any) -> Site:
    return Site(
        **{"name": "newsite", "auth_url": "http://a.com", "user_room_prefix": "user_"} | fields
    )


def texts(**change: Any) -> dict[Kind, str]:
    return {each.kind: each.text for each in of_change(site(), site(**change), KNOWN)}


@pytest.mark.parametrize(
    "change",
    [{}, {"auth_url": "http://b.com"}, {"auth_scheme": "Token"}, {"public_channel": "all"}],
)
def test_most_changes_have_no_effect_to_speak_of(change: dict[str, Any]) -> None:
    assert of_change(site(), site(**change), KNOWN) == ()


def test_disabling_tells_of_clients_senders_and_messages() -> None:
    told = texts(is_enabled=False)
    assert list(told) == [Kind.SENT_AWAY, Kind.REFUSED, Kind.KEPT]
    assert told[Kind.SENT_AWAY].startswith("1,412 clients will be disconnected, and do not come")
    assert told[Kind.KEPT].startswith("1 waiting message will be kept")


def test_renaming_tells_both_names() -> None:
    told = texts(name="shop")
    assert list(told) == [Kind.SENT_AWAY, Kind.LISTENING, Kind.REFUSED, Kind.LOST]
    assert 'io("/shop")' in told[Kind.LISTENING]
    assert '"newsite"' in told[Kind.REFUSED]


def test_renaming_and_disabling_at_once_keeps_no_message() -> None:
    told = texts(name="shop", is_enabled=False)
    assert list(told) == [Kind.SENT_AWAY, Kind.REFUSED, Kind.LOST]


@pytest.mark.parametrize(
    ("prefix", "rooms"), [("u_", 'rooms that do not start with "u_"'), ("", "any room")]
)
def test_another_prefix_tells_which_messages_are_lost(prefix: str, rooms: str) -> None:
    told = texts(user_room_prefix=prefix)
    assert list(told) == [Kind.RECONNECTED, Kind.LOST]
    assert told[Kind.LOST] == f"Of messages that wait, those for {rooms} are not delivered."


def test_other_event_names_tell_what_to_listen_to() -> None:
    told = texts(prefixed_system_events=True)
    assert list(told) == [Kind.RECONNECTED, Kind.LISTENING]
    assert '"_batch" and "_resync"' in told[Kind.LISTENING]


def test_without_numbers_it_says_all() -> None:
    [first, *_] = of_change(site(), site(is_enabled=False), UNKNOWN)
    assert first.text.startswith("All clients that are connected will be disconnected")


def test_nothing_happens_to_clients_of_a_disabled_site() -> None:
    before = site(is_enabled=False)
    for change in ({"name": "shop"}, {"is_enabled": True}, {"user_room_prefix": ""}):
        assert of_change(before, site(**({"is_enabled": False} | change)), KNOWN) == ()


def test_deleting_tells_of_keys_and_of_the_file(newsite: Site) -> None:
    ApiKey.objects.make(newsite)
    told = {each.kind: each.text for each in of_deletion(newsite, KNOWN)}
    assert list(told) == [Kind.SENT_AWAY, Kind.REFUSED, Kind.LOST, Kind.KEYS]
    assert told[Kind.KEYS] == "2 API keys will be deleted."
    newsite.api_keys.update(is_from_file=True)
    assert of_deletion(newsite, KNOWN)[-1].kind is Kind.FILE


def test_deleting_a_disabled_site_disconnects_nobody(newsite: Site) -> None:
    newsite.is_enabled = False
    kinds = [each.kind for each in of_deletion(newsite, KNOWN)]
    assert kinds == [Kind.LOST, Kind.KEYS]
