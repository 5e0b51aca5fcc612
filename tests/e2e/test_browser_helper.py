"""The helper for browsers (`sioweb_project/clients/browser`), on the official client in Node."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.browser_helper import Open, connected, has_state, open_helper
from tests.e2e.installing import LATER_KEY, install, running, site_entries
from tests.e2e.node_client import NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import Answer, FakeSite

__all__ = ["open_helper"]


CONNECT_TIMEOUT_MS = 1500


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    fake_site: FakeSite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    sites = site_entries(fake_site)
    sites["othersite"] |= {"reauthSeconds": 1}
    config = {"io": {"connectTimeout": CONNECT_TIMEOUT_MS}}
    folder = tmp_path_factory.mktemp("service") / "helped"
    async with running(install(folder, sites, config)) as service:
        yield service


async def test_the_ack_comes_when_the_handlers_work_is_done(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    helper = await connected(open_helper, user)
    message = await service.send(user.room, "held", 1)
    await helper.says("held", 1)
    await has_state(service, message, "sent")
    helper.tell("finish")
    await has_state(service, message, "acked")


async def test_handlers_run_in_order_one_at_a_time(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user("staff")
    helper = await connected(open_helper, user)
    await service.send(user.room, "held", 1)
    await service.send("staff", "plain", 2)
    await service.send(user.room, "held", 3)
    await helper.says("held", 1)
    helper.tell("finish")
    await helper.says("plain", 2)
    await helper.says("held", 3)


async def test_what_was_missed_comes_in_order_and_is_acknowledged_at_its_end(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    first, _, unhandled = [
        await service.send(user.room, event, number)
        for number, event in enumerate(("plain", "held", "nobody handles this"))
    ]
    helper = await connected(open_helper, user)
    await helper.says("plain", 0)
    await helper.says("held", 1)
    await has_state(service, first, "sent")
    helper.tell("finish")
    await has_state(service, unhandled, "acked")


async def test_a_handler_that_fails_is_told_of_and_its_message_comes_again(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    helper = await connected(open_helper, user)
    message = await service.send(user.room, "wrong")
    await service.send(user.room, "plain")
    await helper.says("error", "wrong", "no such store")
    await helper.says("plain")
    await has_state(service, message, "sent")
    helper.tell("cut")
    await helper.connects(user)
    await helper.says("error", "wrong", "no such store")


async def test_what_was_not_done_when_the_connection_was_lost_comes_again(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    helper = await connected(open_helper, user)
    message = await service.send(user.room, "held", 1)
    await helper.says("held", 1)
    helper.tell("cut")
    await helper.connects(user)
    helper.tell("finish")
    await helper.says("held", 1)
    await has_state(service, message, "sent")
    helper.tell("finish")
    await has_state(service, message, "acked")


async def test_each_connect_takes_a_fresh_token(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    first, second = fake_site.new_user(), fake_site.new_user()
    helper = await open_helper(first.token, second.token)
    await helper.says("token", first.token)
    await helper.says("connect")
    helper.tell("cut")
    await helper.says("token", second.token)
    await helper.says("connect")
    assert len(fake_site.calls_of(second.token)) == 1


async def test_a_token_that_cannot_be_had_just_now_is_asked_for_again(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    helper = await open_helper("", user.token)
    await helper.says("token", "")
    await helper.says("error", "token", "not logged in")
    await helper.connects(user)


async def test_a_token_that_comes_when_its_connection_is_gone_is_not_used(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    helper = await open_helper("slow", user.token)
    await helper.says("token", "slow")
    helper.tell("cut")
    await helper.says("token", user.token)
    helper.tell("finish")
    await helper.says("connect")
    await service.send(user.room, "plain")
    await helper.says("plain")
    assert fake_site.calls_of("slow") == []


async def test_a_definite_refusal_ends_it_until_the_page_connects_again(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    helper = await open_helper("nobody-knows-this", user.token)
    await helper.says("token", "nobody-knows-this")
    await helper.says("refused", "Authentication failed")
    helper.tell("connect")
    await helper.connects(user)


async def test_it_comes_back_where_the_stock_client_would_stop(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    """Beside another namespace the transport is not closed: the client has to come by itself."""
    user = fake_site.new_user()
    fake_site.answers("token-beside", Answer(500))
    helper = await open_helper("token-beside", user.token)
    helper.tell("neighbour")
    await helper.says("token", "token-beside")
    await helper.says("neighbour")
    await helper.connects(user)


async def test_a_client_sent_away_by_its_site_comes_once_more_with_a_fresh_token(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    first, second = fake_site.new_user(), fake_site.new_user()
    helper = await open_helper(first.token, second.token, site="othersite")
    await helper.says("token", first.token)
    await helper.says("connect")
    fake_site.answers(first.token, Answer(401))
    await helper.says("token", second.token)
    await helper.says("connect")


async def test_resync_has_its_reason_and_drops_what_came_before(
    open_helper: Open, service: Service, fake_site: FakeSite, node: NodeProcess
) -> None:
    """Another tab of the device acknowledges the second message first, while this one hangs."""
    user = fake_site.new_user()
    helper = await connected(open_helper, user)
    auth = {"token": user.token, "deviceId": "phone"}
    tab = node.open(service.namespace(), withhold_acks=True, auth=auth)
    await tab.next("connect")
    for number in (1, 2):
        await service.send(user.room, "held", number, resync="true")
    await helper.says("held", 1)
    tab.ack((await tab.events(2))[1])
    await helper.says("resync", {"reason": "out_of_order"})
    helper.tell("finish")
    await service.send(user.room, "plain")
    await helper.says("plain")


async def test_a_site_with_prefixed_events_and_no_device_id(
    open_helper: Open, service: Service, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    for number in (1, 2):
        await service.send(user.room, "plain", number, site="latersite", key=LATER_KEY)
    helper = await open_helper(user.token, site="latersite", prefix="_", deviceId=False)
    await helper.connects(user)
    await helper.says("plain", 1)
    await helper.says("plain", 2)
