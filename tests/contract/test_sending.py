"""The contract of `POST /send`, `/send/batch` and of the probes, by what is answered."""

import secrets
from typing import Any

import pytest

from tests.contract.contract import Contract, shared
from tests.e2e.events import stored

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MESSAGE = {"rooms": ["nobody-1", "nobody-2"], "event": "update_store", "args": ["user", {"id": 1}]}
WRONG = {
    "no object": [1],
    "no rooms": {"event": "hello"},
    "no room among them": {"rooms": [], "event": "hello"},
    "a number for a room": {"rooms": [1], "event": "hello"},
    "an empty room": {"rooms": [""], "event": "hello"},
    "a room of 257": {"rooms": ["r" * 257], "event": "hello"},
    "1001 rooms": {"rooms": [f"room-{i}" for i in range(1001)], "event": "hello"},
    "no event": {"rooms": "nobody"},
    "an empty event": {"rooms": "nobody", "event": ""},
    "an event of 257": {"rooms": "nobody", "event": "e" * 257},
    "no JSON": "{",
}
RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "error"]


async def test_an_answer_says_what_was_stored_and_what_was_broadcast(contract: Contract) -> None:
    user = contract.new_user()
    answer = await contract.send([user.room, "nobody-1", "nobody-2"], "hello")
    assert answer.keys() >= {"ok", "id", "queued", "broadcast"}
    assert (answer["ok"], answer["queued"], answer["broadcast"]) == (True, 1, 2)


async def test_ids_are_numbers_as_text_and_increase(contract: Contract) -> None:
    ids = [(await contract.send("nobody", "hello"))["id"] for _ in range(5)]
    assert all(isinstance(each, str) for each in ids)
    assert [int(each) for each in ids] == sorted({int(each) for each in ids})


@pytest.mark.parametrize("header", ["X-Api-Key: {}", "Authorization: Bearer {}"])
async def test_the_key_may_come_as_a_header(header: str, contract: Contract) -> None:
    name, _, value = header.partition(": ")
    headers = {name: value.format(contract.server.key)}
    assert (await contract.post(MESSAGE, headers=headers, apiKey="")).status == 200


@pytest.mark.parametrize("query", [{"site": ""}, {"apiKey": ""}], ids=["site", "apiKey"])
async def test_without_site_or_key_it_is_400(query: dict[str, Any], contract: Contract) -> None:
    answer = await contract.post(MESSAGE, **query)
    assert answer.status == 400
    assert answer.content["error"]["message"] == "Missing query param 'site' or 'apiKey'."


async def test_a_wrong_key_and_an_unknown_site_are_401_alike(contract: Contract) -> None:
    wrong = await contract.post(MESSAGE, apiKey="a-wrong-key")
    unknown = await contract.post(MESSAGE, site="no-such-site")
    assert wrong == unknown
    assert wrong.status == 401
    assert wrong.content["error"]["message"] == "ApiKey invalid."


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_message_is_400_with_the_reason(name: str, contract: Contract) -> None:
    answer = await contract.post(WRONG[name])
    assert answer.status == 400
    assert answer.error


@pytest.mark.parametrize("event", RESERVED)
async def test_names_of_the_protocol_are_400(event: str, contract: Contract) -> None:
    assert (await contract.post({"rooms": "nobody", "event": event})).status == 400


async def test_the_sites_own_system_events_are_400(contract: Contract) -> None:
    for event in (contract.batch().name, contract.resync):
        assert (await contract.post({"rooms": "nobody", "event": event})).status == 400


async def test_resync_is_true_or_false(contract: Contract) -> None:
    for value, status in {"true": 200, "1": 200, "false": 200, "0": 200, "perhaps": 400}.items():
        assert (await contract.post(MESSAGE, resync=value)).status == status


async def test_another_method_is_405_and_another_type_415(contract: Contract) -> None:
    async with contract.http.get("/send") as response:
        assert response.status == 405
    answer = await contract.post("hello", headers={"Content-Type": "text/plain"})
    assert answer.status == 415


async def test_a_form_is_read_with_its_brackets(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user)
    body = f"rooms[]={user.room}&event=update_store&args[0]=user&args[1][id]=1"
    assert (await contract.post(body, headers=FORM)).status == 200
    assert await client.event() == stored("update_store", "user", {"id": "1"})


async def test_one_room_may_be_a_text_and_one_argument_need_be_no_list(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user)
    for message in ({"args": {"id": 1}}, {}, {"args": [[1], None]}):
        assert (await contract.post({"rooms": user.room, "event": "hello"} | message)).status == 200
    events = await client.events(3)
    assert events == [stored("hello", {"id": 1}), stored("hello"), stored("hello", [1], None)]


async def test_the_same_idempotency_key_sends_once(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user)
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    message = {"rooms": user.room, "event": "hello"}
    first, again = [await contract.post(message, headers=headers) for _ in range(2)]
    assert (first.status, first) == (200, again)
    assert await client.event() == stored("hello")
    await contract.hears_nothing_else(client, user)


async def test_a_batch_is_answered_entry_by_entry_and_keeps_its_order(contract: Contract) -> None:
    user = contract.new_user()
    client = await contract.connect(user)
    messages = [{"rooms": user.room, "event": "hello", "args": [i]} for i in range(3)]
    wrong = {"rooms": shared(user)}
    answer = await contract.post([*messages[:2], wrong, messages[2]], "/send/batch")
    assert answer.status == 200
    assert [each["ok"] for each in answer.content] == [True, True, False, True]
    assert await client.events(3) == [stored("hello", i) for i in range(3)]


async def test_the_probes_answer(contract: Contract) -> None:
    async with contract.http.get("/healthcheck") as response:
        assert (response.status, await response.text()) == (200, "ok")
    async with contract.http.get("/readyz") as response:
        assert response.status == 200
        assert (await response.json()).keys() >= {"redis", "database", "backplane"}
