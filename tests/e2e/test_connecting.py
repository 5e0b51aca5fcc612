"""Who may connect, and what a client hears that may not."""

from typing import Any

import pytest

from tests.e2e.conftest import Connect
from tests.e2e.events import broadcast
from tests.e2e.node_client import NodeClient, NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import Answer, FakeSite, User

REFUSED = "Authentication failed"


async def refusal(client: NodeClient) -> tuple[str, Any]:
    """The message and the data of the client's next `connect_error`."""
    report = await client.next("connect_error")
    return report["message"], report["data"]


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user("staff")


async def test_a_token_in_the_url_connects(node: NodeProcess, service: Service, user: User) -> None:
    client = node.open(service.namespace(token=user.token))
    await client.next("connect")
    await service.send(user.room, "hello")
    assert (await client.event()).name == "hello"


async def test_a_token_in_auth_connects(node: NodeProcess, service: Service, user: User) -> None:
    client = node.open(service.namespace(), auth={"token": user.token})
    await client.next("connect")
    await service.send(user.room, "hello")
    assert (await client.event()).name == "hello"


async def test_the_site_is_asked_once_with_its_scheme_and_the_token(
    node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    fake_site.knows("12345", ["user_12345"])
    client = node.open(service.namespace(token="12345"))
    await client.next("connect")
    [call] = fake_site.calls_of("12345")
    assert call.headers["Authorization"] == "Bearer 12345"
    assert (call.method, call.path) == ("GET", "/newsite")


async def test_a_site_with_another_scheme_is_asked_with_that(
    connect: Connect, fake_site: FakeSite, user: User
) -> None:
    await connect(user, site="othersite")
    [call] = fake_site.calls_of(user.token)
    assert call.headers["Authorization"] == f"Token {user.token}"
    assert call.path == "/othersite"


@pytest.mark.parametrize("place", ["query", "auth"])
async def test_a_device_id_in_the_url_or_in_auth_names_the_device(
    place: str, node: NodeProcess, service: Service, user: User
) -> None:
    """Seen from outside: what a device has not acknowledged waits for that device only."""
    given = {"token": user.token, "deviceId": "phone"}
    by_query, auth = (given, {}) if place == "query" else ({}, given)
    client = node.open(service.namespace(**by_query), withhold_acks=True, auth=auth)
    await client.next("connect")
    await service.send(user.room, "hello")
    await client.event()
    await client.disconnect()
    tablet = node.open(service.namespace(token=user.token, deviceId="tablet"))
    await tablet.next("connect")
    await service.send("staff", "marker")
    assert await tablet.event() == broadcast("marker")
    phone = node.open(service.namespace(token=user.token, deviceId="phone"))
    assert (await phone.event()).args == [[["hello"]]]


@pytest.mark.parametrize("auth", [None, {}, {"token": ""}])
async def test_without_a_token_nobody_connects_and_the_site_is_not_asked(
    auth: dict[str, str] | None, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    calls_before = len(fake_site.calls)
    client = node.open(service.namespace(), auth=auth)
    message, _ = await refusal(client)
    assert message == REFUSED
    assert len(fake_site.calls) == calls_before


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("text", ["", "<h1>No</h1>", '["user_1"]'])
async def test_a_token_that_the_site_refuses_is_refused(
    status: int, text: str, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    token = fake_site.answers(f"refused-{status}-{len(text)}", Answer(status, text))
    message, _ = await refusal(node.open(service.namespace(token=token)))
    assert message == REFUSED


async def test_a_refused_client_stays_away_until_it_is_told_to_connect(
    node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    token = fake_site.answers("first-refused", Answer(401), Answer(200, '["user_first"]'))
    client = node.open(service.namespace(token=token))
    message, _ = await refusal(client)
    assert message == REFUSED
    client.connect()
    await client.next("connect")


@pytest.mark.parametrize("status", [204, 302, 400, 404, 418])
async def test_another_definite_answer_is_named_with_its_status(
    status: int, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    answer = Answer(status, headers={"Location": fake_site.url("elsewhere")})
    token = fake_site.answers(f"definite-{status}", answer)
    message, data = await refusal(node.open(service.namespace(token=token)))
    assert message == f"Auth {status} error"
    assert data == {"code": status}
    assert len(fake_site.calls_of(token)) == 1


@pytest.mark.parametrize("text", ["{}", "null", "", "<html>", "[1]", "[null]", '"user_1"', "[[]]"])
async def test_an_answer_that_is_no_list_of_strings_is_an_error_with_a_code(
    text: str, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    token = fake_site.answers(f"garbage-{text}".encode().hex(), Answer(200, text))
    message, data = await refusal(node.open(service.namespace(token=token)))
    assert message.startswith("Auth error: ")
    assert "code" in data


async def test_an_empty_list_of_rooms_connects(
    node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    token = fake_site.knows("without-rooms", [])
    await node.open(service.namespace(token=token)).next("connect")


@pytest.mark.parametrize("name", ["nosuchsite", "", "NEWSITE", "newsite/more", "__proto__"])
async def test_an_unknown_site_is_an_invalid_namespace(
    name: str, node: NodeProcess, service: Service, user: User, fake_site: FakeSite
) -> None:
    message, _ = await refusal(node.open(service.namespace(name, token=user.token)))
    assert message == "Invalid namespace"
    assert not fake_site.calls_of(user.token)


async def test_several_sites_share_one_transport(
    node: NodeProcess, service: Service, user: User
) -> None:
    first, second = (
        node.open(service.namespace(site), auth={"token": user.token}, forceNew=False)
        for site in ("newsite", "othersite")
    )
    await first.next("connect")
    await second.next("connect")
    await service.send(user.room, "hello")
    assert (await first.event()).name == "hello"
