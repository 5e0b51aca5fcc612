"""Whose request it is: forwarded addresses are believed from trusted proxies, nobody else."""

from typing import Any

import pytest

from delivery.addresses import Addresses

PROXIES = ["10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48"]


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    return {"client": peer and (peer, 4711), "headers": [(b"host", b"push.com"), *headers]}


def find(peer: str | None, *forwarded: str, trusted: list[str] = PROXIES) -> str:
    return Addresses(trusted).of(scope(peer, *forwarded))


def to_limit(peer: str | None, *forwarded: str, trusted: list[str] = PROXIES) -> str:
    return Addresses(trusted).to_limit(scope(peer, *forwarded))


def test_a_stranger_is_not_believed() -> None:
    assert find("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert find("10.0.0.1", "198.51.100.1", trusted=[]) == "10.0.0.1"


def test_a_trusted_proxy_is_believed() -> None:
    assert find("10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert find("::ffff:10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert find("2001:db8:1::5", "2001:db8:9::1") == "2001:db8:9::1"


def test_what_a_client_made_up_further_left_is_not_believed() -> None:
    assert find("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2") == "198.51.100.1"
    assert find("10.0.0.1", "1.1.1.1", "198.51.100.1, 10.0.0.2") == "198.51.100.1"


def test_where_all_are_trusted_the_first_one_counts() -> None:
    assert find("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3"


@pytest.mark.parametrize("nonsense", ["unknown", "", " ", "_hidden", "1.2.3", "<script>", "é"])
def test_nonsense_is_no_address(nonsense: str) -> None:
    assert find("10.0.0.1", nonsense) == "10.0.0.1"
    assert find("10.0.0.1", f"198.51.100.1, {nonsense}, 10.0.0.2") == "10.0.0.2"


def test_a_thousand_hops_are_cut() -> None:
    assert find("10.0.0.1", ", ".join(["198.51.100.1", *["10.0.0.2"] * 1000])) == "10.0.0.2"


def test_the_machine_itself_is_not_limited_unless_its_proxy_tells_more() -> None:
    assert to_limit("127.0.0.1", trusted=[]) == ""
    assert to_limit("127.0.0.1") == ""
    assert to_limit("::1", "198.51.100.1", trusted=[]) == ""
    assert to_limit(None) == ""
    assert to_limit("127.0.0.1", "198.51.100.1") == "198.51.100.1"


def test_all_addresses_of_one_customer_are_one() -> None:
    assert to_limit("2001:db8:2::1") == to_limit("2001:db8:2::2:3") == "2001:db8:2::"
    assert to_limit("2001:db8:2:1::1") != to_limit("2001:db8:2::1")
