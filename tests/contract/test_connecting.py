"""The contract of connecting: who is asked, with what, and what a refused client is told."""

import pytest

from tests.contract.contract import Contract, shared
from tests.e2e.site import Answer


async def test_a_token_in_the_query_is_brought_to_the_auth_url(contract: Contract) -> None:
    user = contract.new_user()
    client = contract.node.open(contract.namespace(f"?token={user.token}"))
    await client.next("connect")
    calls = contract.website.calls_of(user.token)
    assert len(calls) == 1
    call = calls[0]
    scheme, _, token = call.headers["Authorization"].partition(" ")
    assert (call.method, bool(scheme), token) == ("GET", True, user.token)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_each_transport_alone_is_enough(transport: str, contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user, transports=[transport])
    await contract.hears_nothing_else(client, user)


async def test_polling_is_upgraded(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user, transports=["polling", "websocket"])
    assert (await client.next("upgrade"))["transport"] == "websocket"
    await contract.hears_nothing_else(client, user)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_the_site_refuses_fails_authentication(
    status: int, contract: Contract
) -> None:
    token = contract.website.answers(contract.new_user().token, Answer(status))
    error = await contract.refusal(auth={"token": token})
    assert error["message"] == "Authentication failed"


async def test_without_a_token_nobody_is_asked(contract: Contract) -> None:
    before = len(contract.website.calls)
    assert (await contract.refusal())["message"] == "Authentication failed"
    assert len(contract.website.calls) == before


async def test_another_definite_answer_is_told_with_its_code(contract: Contract) -> None:
    token = contract.website.answers(contract.new_user().token, Answer(404))
    error = await contract.refusal(auth={"token": token})
    assert error["message"] == "Auth 404 error"
    assert error["data"]["code"] == 404


@pytest.mark.parametrize("text", ["no JSON", "{}", "[1]", "null"])
async def test_an_answer_that_is_no_list_of_texts_is_an_error(
    text: str, contract: Contract
) -> None:
    token = contract.website.answers(contract.new_user().token, Answer(200, text))
    error = await contract.refusal(auth={"token": token})
    assert error["message"].startswith("Auth error: ")


async def test_a_site_that_is_not_there_is_an_invalid_namespace(contract: Contract) -> None:
    client = contract.node.open(f"{contract.server.url}/no-such-site?token=12345")
    assert (await client.next("connect_error"))["message"] == "Invalid namespace"


async def test_a_site_that_fails_for_a_moment_is_asked_again(contract: Contract) -> None:
    user = contract.new_user()
    rooms = Answer(200, f'["{user.room}", "{shared(user)}"]')
    contract.website.answers(user.token, Answer(503), rooms)
    client = await contract.connect(user)
    await contract.hears_nothing_else(client, user)


async def test_what_a_client_emits_is_ignored(contract: Contract) -> None:
    user = contract.new_user()
    client, other = await contract.connect(user), await contract.connect(user, "other")
    client.emit("hello", 1)
    client.emit(shared(user), 1)
    await contract.hears_nothing_else(client, user)
    assert (await other.event()).name == "marker"
    assert not client.has_heard("disconnect")
