"""docs/openapi.yaml against the service: every answer is as the file says."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from delivery.openapi import FILE
from tests.e2e.conftest import Connect
from tests.e2e.service import Service
from tests.e2e.site import FakeSite

CREDENTIALS = {"site": "newsite", "apiKey": "54321"}

schema = schemathesis.openapi.from_path(FILE)
operations = {
    f"{method.upper()} {path}": schema[path][method]
    for path, item in schema.raw_schema["paths"].items()
    for method in item
}
labels = sorted(operations)
with_parameters = [label for label in labels if operations[label].definition.raw.get("parameters")]
MISSING_KEY_IS_400 = "ignored_auth"  # the contract, since the Node service
UNKNOWN_FIELDS_ARE_IGNORED = "negative_data_rejection"
# Which rooms belong to users is the site's own matter: the file cannot say.
USER_ROOMS_ONLY = {"GET /presence": ["positive_data_acceptance"]}
some = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def calls(service: Service, label: str, mode: GenerationMode, *unchecked: str) -> Callable[[], Any]:
    """A function that calls one endpoint with some requests; raises when an answer is none
    that the file tells of."""
    excluded = [CHECKS.get_one(name) for name in (MISSING_KEY_IS_400, *unchecked)]

    @some
    @given(case=operations[label].as_strategy(generation_mode=mode))
    def call_all(case: Any) -> None:
        case.query = {**(case.query or {}), **CREDENTIALS}
        case.call_and_validate(base_url=service.url, excluded_checks=excluded)

    return call_all


@pytest.mark.parametrize("label", labels)
async def test_right_requests_are_answered_as_the_file_says(label: str, service: Service) -> None:
    unchecked = USER_ROOMS_ONLY.get(label, [])
    await asyncio.to_thread(calls(service, label, GenerationMode.POSITIVE, *unchecked))


@pytest.mark.parametrize("label", with_parameters)
async def test_wrong_requests_are_answered_as_the_file_says(label: str, service: Service) -> None:
    unchecked = [UNKNOWN_FIELDS_ARE_IGNORED, *USER_ROOMS_ONLY.get(label, [])]
    await asyncio.to_thread(calls(service, label, GenerationMode.NEGATIVE, *unchecked))


async def test_receipt_and_presence_of_a_user_are_as_the_file_says(
    service: Service, fake_site: FakeSite, connect: Connect
) -> None:
    user = fake_site.new_user()
    client = await connect(user, "phone")
    sent = await service.send(user.room, "hello")
    await client.event()
    receipt = operations["GET /messages/{id}"].Case(
        path_parameters={"id": sent["id"]}, query=dict(CREDENTIALS)
    )
    presence = operations["GET /presence"].Case(query=CREDENTIALS | {"room": [user.room]})
    excluded: list[Any] = [CHECKS.get_one(MISSING_KEY_IS_400)]
    for case, told in ((receipt, '"device":"phone"'), (presence, '"online":true')):
        answer = await asyncio.to_thread(
            case.call_and_validate, base_url=service.url, excluded_checks=excluded
        )
        assert answer.status_code == 200
        assert told in answer.text


async def test_the_file_is_served_and_may_be_kept(service: Service) -> None:
    async with service.http.get("/openapi.yaml") as answer:
        assert answer.headers["Content-Type"] == "application/yaml"
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert await answer.read() == FILE.read_bytes()
        tag = answer.headers["ETag"]
    async with service.http.get("/openapi.yaml", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with service.http.head("/openapi.yaml") as answer:
        assert (answer.status, answer.headers["ETag"]) == (200, tag)
        assert await answer.read() == b""
    async with service.http.post("/openapi.yaml") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
