"""What clients see of a site whose authUrl does not answer for a while."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.installing import install, running, site_entries
from tests.e2e.node_client import NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import HANG, Answer, FakeSite

CONNECT_TIMEOUT_MS = 1500
DOWN = Answer(500)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def flaky_site() -> AsyncIterator[FakeSite]:
    """A web server of its own, so that it can be down as a whole."""
    site = await FakeSite.start()
    yield site
    await site.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, flaky_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    sites = site_entries(fake_site)
    sites["flakysite"] = sites["newsite"] | {"authUrl": flaky_site.url("flakysite")}
    folder = tmp_path_factory.mktemp("service") / "impatient"
    config = {"io": {"connectTimeout": CONNECT_TIMEOUT_MS}}
    async with running(install(folder, sites, config)) as service:
        yield service


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_site_that_fails_twice_is_asked_a_third_time(
    status: int, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    answers = (Answer(status), Answer(status), Answer(200, '["staff"]'))
    token = fake_site.answers(f"third-time-{status}", *answers)
    client = node.open(service.namespace(token=token))
    await client.next("connect")
    assert len(fake_site.calls_of(token)) == 3
    assert not client.has_heard("disconnect")
    assert not client.has_heard("connect_error")


@pytest.mark.parametrize("answer", [DOWN, HANG], ids=["fails", "hangs"])
@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
async def test_past_connect_timeout_the_transport_is_closed_and_the_client_comes_again(
    answer: Answer | str,
    transports: list[str],
    node: NodeProcess,
    service: Service,
    fake_site: FakeSite,
) -> None:
    token = fake_site.answers(f"down-{len(transports)}-{transports[0]}-{answer}", answer)
    client = node.open(service.namespace(token=token), transports=transports)
    assert (await client.next("disconnect"))["reason"] == "transport close"
    fake_site.knows(token, ["staff"])
    await client.next("connect")
    assert not client.has_heard("connect_error")


async def test_a_site_out_of_reach_is_asked_again_until_it_is_back(
    node: NodeProcess, service: Service, flaky_site: FakeSite
) -> None:
    token = flaky_site.knows("token-of-the-patient", ["staff"])
    await flaky_site.close()
    client = node.open(service.namespace("flakysite", token=token))
    assert (await client.next("disconnect"))["reason"] == "transport close"
    await flaky_site.listen()
    await client.next("connect")
    assert not client.has_heard("connect_error")


async def test_the_transport_is_not_closed_before_connect_timeout(
    node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    token = fake_site.answers("token-of-the-measured", HANG)
    client = node.open(service.namespace(token=token), transports=["websocket"])
    await fake_site.is_asked_for(token)
    clock = asyncio.get_running_loop().time
    asked_at = clock()
    await client.next("disconnect")
    passed_ms = (clock() - asked_at) * 1000
    assert CONNECT_TIMEOUT_MS * 0.8 < passed_ms < CONNECT_TIMEOUT_MS * 3


@pytest.mark.parametrize("answer", [DOWN, HANG], ids=["fails", "hangs"])
async def test_beside_another_namespace_only_the_one_is_refused_and_may_be_tried_again(
    answer: Answer | str, node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    token = fake_site.answers(f"beside-{answer}", answer)
    neighbour = node.open(service.namespace(), auth={"token": user.token}, forceNew=False)
    await neighbour.next("connect")
    client = node.open(service.namespace("othersite"), auth={"token": token}, forceNew=False)
    error = await client.next("connect_error")
    assert error["data"]["retryable"] is True
    assert error["message"]
    await service.send(user.room, "hello")
    assert (await neighbour.event()).name == "hello"
    assert not neighbour.has_heard("disconnect")


async def test_a_client_that_leaves_while_the_site_thinks_does_no_harm(
    node: NodeProcess, service: Service, fake_site: FakeSite
) -> None:
    token = fake_site.answers("token-of-who-has-gone", HANG)
    leaving = node.open(
        service.namespace(token=token), reconnection=False, transports=["websocket"]
    )
    await fake_site.is_asked_for(token)
    leaving.cut()
    staying = node.open(service.namespace(token=fake_site.new_user().token))
    await staying.next("connect")
