"""What one process counts, on the way of real messages to real sockets."""

import itertools

import pytest

from delivery.counters import ALL_SITES, DELAY_ENDS_MS, FIELDS, Counters, SiteCounts
from delivery.exceptions import DeliveryError
from delivery.site_auth import ADDRESS_DENIED, SiteAuth
from sites.networks import read_deny_list
from tests.delivery.fake_site import FakeSite, Reply
from tests.delivery.queue_fixtures import SITE
from tests.delivery.server_client import TOKEN
from tests.delivery.server_fixtures import MakeNamespaces
from tests.delivery.socket_fixtures import Process

USER = "user_1"


def counted(counts: SiteCounts) -> dict[str, int]:
    """Take the counts that are not 0, without the classes of delays."""
    taken = zip(FIELDS, counts.take(), strict=True)
    return {name: value for name, value in taken if value and not name.startswith("delay.")}


def test_taken_counts_begin_again_at_nothing() -> None:
    counts = SiteCounts()
    counts.connect()
    counts.ack(3, 0.0)
    counts.resync("overflow")
    counts.refused["denied"] += 2
    expected = {"connects": 1, "acks": 3, "resync.overflow": 1, "refused.denied": 2}
    assert counted(counts) == expected
    assert counted(counts) == {}
    assert counts.clients == 1  # is no count


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(0.0, "delay.1"), (0.001, "delay.1"), (0.0013, "delay.1.5"), (64.1, "delay.inf")],
)
def test_a_delay_is_counted_in_its_class(seconds: float, name: str) -> None:
    counts = SiteCounts()
    counts.ack(1, seconds)
    assert dict(zip(FIELDS, counts.take(), strict=True))[name] == 1


def test_the_classes_of_delays_grow_evenly() -> None:
    ratios = [b / a for a, b in itertools.pairwise(DELAY_ENDS_MS)]
    assert all(1 < ratio <= 2 for ratio in ratios)


def test_a_reason_nobody_knows_is_not_counted() -> None:
    counts = SiteCounts()
    counts.resync("of the future")
    assert counted(counts) == {}


def test_clients_of_all_sites_are_added_up() -> None:
    counters = Counters()
    for site in ("one", "one", "other"):
        counters.of(site).connect()
    counters.of("one").disconnect()
    assert counters.clients == 2


async def test_a_broadcast_counts_each_client_that_it_is_written_to(process: Process) -> None:
    for _ in range(3):
        await process.connect("all")
    await process.publish("all", content=["hello"])
    await process.settle()
    counts = counted(process.switchboard.counters.of(SITE))
    assert counts == {"connects": 3, "broadcast": 3}
    assert counted(process.counters.of(SITE)) == {"messages": 1}


async def test_stored_messages_and_their_acks_are_counted(process: Process) -> None:
    await process.publish(USER, content=["first"])
    await process.publish(USER, content=["second"])
    tab = await process.connect(USER)
    await tab.wait_for(1)  # a batch of both
    await process.settle()
    await process.publish(USER, content=["third"])
    await tab.wait_for(2)
    counts = process.switchboard.counters.of(SITE)
    assert counts.stored == 3
    tab.acknowledge(0)
    assert (counts.acks, sum(counts.delays)) == (2, 1)
    tab.acknowledge(1)
    assert (counts.acks, sum(counts.delays)) == (3, 2)


async def test_an_ack_that_belongs_to_nothing_is_not_counted(process: Process) -> None:
    tab = await process.connect(USER)
    assert not tab.connection.acknowledge(17)
    assert process.switchboard.counters.of(SITE).acks == 0


async def test_who_leaves_is_counted_once(process: Process) -> None:
    tab = await process.connect(USER)
    await process.leave(tab)
    await process.leave(tab)
    counts = process.switchboard.counters.of(SITE)
    assert (counts.clients, counts.connects, counts.disconnects) == (0, 1, 1)


async def test_who_leaves_before_being_told_was_never_there(process: Process) -> None:
    tab = process.make_tab(USER)
    await process.switchboard.join(tab.connection)
    await process.leave(tab)
    assert counted(process.switchboard.counters.of(SITE)) == {}


async def test_a_resync_is_counted_by_its_reason(process: Process) -> None:
    tab = await process.connect(USER)
    await process.publish(USER, content=["first"], resync=True)
    await process.publish(USER, content=["second"], resync=True)
    await process.publish(USER, content=["first"], resync=True)
    await tab.wait_for(3)
    tab.acknowledge(2)
    await process.settle()
    assert process.switchboard.counters.of(SITE).resyncs["out_of_order"] == 1


async def admit(
    make_namespaces: MakeNamespaces, namespace: str, token: str, seconds: float = 60.0
) -> None:
    namespaces = make_namespaces(connect_timeout_seconds=seconds)
    with pytest.raises(DeliveryError):
        await namespaces.admit(
            namespace,
            "sid",
            "",
            {"token": token},
            find_socket=lambda: None,
            close_transport=lambda reason: None,
        )


async def test_no_token_is_a_refusal_of_its_own(
    make_namespaces: MakeNamespaces, process: Process
) -> None:
    await admit(make_namespaces, "/newsite", "")
    assert counted(process.switchboard.counters.of(SITE)) == {"refused.no_token": 1}


async def test_a_made_up_site_is_counted_for_all_sites_only(
    make_namespaces: MakeNamespaces, process: Process
) -> None:
    await admit(make_namespaces, "/nosuchsite", TOKEN)
    counts = {name: counted(counts) for name, counts in process.switchboard.counters}
    assert counts == {ALL_SITES: {"refused.unknown_site": 1}}


@pytest.mark.parametrize(
    ("status", "refusal", "failure"),
    [
        (403, "denied", ""),
        (404, "bad_answer", "Auth 404 error"),
        (500, "unreachable", "No answer within 0.05 s"),
    ],
)
async def test_what_the_site_answers_is_counted(
    make_namespaces: MakeNamespaces,
    process: Process,
    fake_site: FakeSite,
    status: int,
    refusal: str,
    failure: str,
) -> None:
    fake_site.answer(Reply(status=status))
    await admit(make_namespaces, "/newsite", TOKEN, 0.05 if status == 500 else 60.0)
    counts = process.switchboard.counters.of(SITE)
    found = counts.take_auth_failure()
    assert counted(counts) == {f"refused.{refusal}": 1}
    assert (found.reason if found else "").startswith(failure)
    assert (found is None) == (not failure)


async def test_a_denied_address_is_the_sites_failure_and_no_missing_token(
    make_namespaces: MakeNamespaces, process: Process, site_auth: SiteAuth
) -> None:
    site_auth._client.deny_list = read_deny_list(["private"])
    await admit(make_namespaces, "/newsite", TOKEN)
    counts = process.switchboard.counters.of(SITE)
    failure = counts.take_auth_failure()
    assert counted(counts) == {"refused.bad_answer": 1}
    assert failure is not None
    assert failure.reason == ADDRESS_DENIED
