"""What is done and told in the control room; everything done is written down."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from delivery.queue_values import Device
from sites.models import Site
from tests.sioweb_project.control_calls import (
    ARGUMENTS,
    LOOK,
    MESSAGE,
    PROGRESS,
    RECEIPT,
    RECENT,
    SEND,
    act,
    logged,
    send,
)
from tests.sioweb_project.control_fixtures import FakeService, login

PHONE = Device("newsite", "user_1", "phone")


@pytest.mark.parametrize(
    ("action", "done", "text"),
    [
        ("disconnect", ("disconnect", "newsite", "user_1", "phone"), "Disconnected"),
        ("clear", ("clear", PHONE), "Cleared the queue of user_1, device phone: 3 messages"),
        ("resync", ("resync", PHONE, "requested", "epoch", 4), "Asked user_1, device phone"),
    ],
)
def test_an_action_is_done_and_written_down(
    control: FakeService,
    site: Site,
    admin_user: User,
    action: str,
    done: tuple[object, ...],
    text: str,
) -> None:
    assert act(login(admin_user), action) == 200
    assert control.done == [done]
    [entry] = LogEntry.objects.all()
    assert entry.change_message.startswith(text)
    assert (entry.user, entry.object_repr) == (admin_user, "newsite")


@pytest.mark.parametrize(("count", "text"), [(1, "1 message"), (1_200, "1,200 messages")])
def test_a_cleared_queue_is_told_in_numbers(
    control: FakeService, site: Site, admin_user: User, count: int, text: str
) -> None:
    control.waiting = count
    act(login(admin_user), "clear")
    assert LogEntry.objects.get().change_message.endswith(f"device phone: {text}")


@pytest.mark.parametrize("fields", [{"action": "explode"}, {"room": ""}, {"room": "x" * 257}])
def test_an_action_that_makes_no_sense_is_refused(
    control: FakeService, site: Site, admin_user: User, fields: dict[str, str]
) -> None:
    assert act(login(admin_user), **fields) == 400
    assert control.done == []
    assert logged() == []


def test_a_room_is_shown_without_arguments(
    control: FakeService, site: Site, admin_user: User
) -> None:
    response = login(admin_user).get(LOOK)
    assert b"secret" not in response.content
    [device] = response.json()["devices"]
    assert (device["id"], device["messages"][0]["event"]) == ("phone", "update")


def test_who_reads_arguments_is_written_down(
    control: FakeService, site: Site, admin_user: User
) -> None:
    client = login(admin_user)
    assert client.get(ARGUMENTS).json() == {"ok": True, "args": [{"secret": 1}]}
    assert logged() == ["Read the arguments of message 4 of user_1, device phone"]
    control.text = None
    assert client.get(ARGUMENTS).status_code == 404


def test_a_test_message_goes_the_way_of_send(
    control: FakeService, site: Site, admin_user: User
) -> None:
    response = login(admin_user).post(SEND, MESSAGE, content_type="application/json")
    sent = {"ok": True, "id": "7530791394961522691", "queued": 1, "broadcast": 1}
    assert response.json() == {"answer": sent, "followed": ["user_1"], "has_user_rooms": True}
    assert control.done == [("publish", "newsite", ("user_1", "all"), '["hello",1]')]
    assert logged() == ["Sent test message 7530791394961522691, hello to user_1, all"]


def test_a_site_without_user_rooms_says_so(
    control: FakeService, site: Site, admin_user: User
) -> None:
    control.prefix = ""
    response = login(admin_user).post(SEND, MESSAGE, content_type="application/json")
    assert (response.json()["followed"], response.json()["has_user_rooms"]) == ([], False)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_json"),
        ({"rooms": [], "event": "x"}, "invalid_rooms"),
        ({"rooms": "a", "event": "connect"}, "reserved_event"),
        ({"rooms": "a", "event": "batch"}, "reserved_event"),
    ],
)
def test_what_send_would_refuse_is_refused_here(
    control: FakeService, site: Site, admin_user: User, message: object, code: str
) -> None:
    response = login(admin_user).post(SEND, message, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert control.done == []


def test_a_disabled_site_sends_nothing(control: FakeService, site: Site, admin_user: User) -> None:
    control.is_disabled = True
    assert send(login(admin_user)) == 409


def test_progress_tells_how_far_each_device_is(
    control: FakeService, site: Site, admin_user: User
) -> None:
    answer = login(admin_user).get(PROGRESS).json()
    assert [each["state"] for each in answer] == ["sent", "queued", "acked"]


def test_the_last_deliveries_of_a_room_are_told(
    control: FakeService, site: Site, admin_user: User
) -> None:
    boss = login(admin_user)
    phone = {
        "device": "phone",
        "state": "acked",
        "sent_at": "1970-01-01T00:00:00.910Z",
        "acked_at": "1970-01-01T00:00:00.920Z",
    }
    row = {"id": "77", "event": "update", "at": 900, "devices": [phone]}
    assert boss.get(RECENT).json() == {"is_on": True, "messages": [row]}
    assert boss.get(RECEIPT).json()["rooms"] == [{"room": "user_1", "devices": [phone]}]
    assert boss.get(f"{RECEIPT}8").status_code == 404
    assert boss.get(f"{RECENT}&room={'x' * 257}").status_code == 400
    control.is_on = False
    assert boss.get(RECENT).json() == {"is_on": False, "messages": []}
