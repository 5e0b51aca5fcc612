"""Which addresses are denied, however they are written."""

import pytest

from sites.networks import numeric_address, read_deny_list

PRIVATE = read_deny_list(["private"])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "fe80::1%eth0",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_private_address_is_denied(address: str) -> None:
    assert PRIVATE.denies(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "::ffff:8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"]
)
def test_public_address_is_not(address: str) -> None:
    assert not PRIVATE.denies(address)


def test_a_network_denies_its_own_addresses_only() -> None:
    deny_list = read_deny_list(["203.0.113.0/24", "2606:4700::/32", "8.8.8.8"])
    denied = ["203.0.113.7", "::ffff:203.0.113.7", "2606:4700::1", "8.8.8.8", "64:ff9b::8.8.8.8"]
    assert all(deny_list.denies(address) for address in denied)
    assert not any(deny_list.denies(address) for address in ["127.0.0.1", "8.8.4.4", "2606::1"])


def test_a_mapped_network_denies_what_it_maps() -> None:
    deny_list = read_deny_list(["::ffff:10.0.0.0/104"])
    assert deny_list.denies("10.1.2.3")
    assert not deny_list.denies("11.1.2.3")


def test_nothing_denies_nothing() -> None:
    assert not read_deny_list([])
    assert not read_deny_list([]).denies("127.0.0.1")
    assert PRIVATE


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.0.0.1"]
)
def test_every_numeric_form_is_the_same_address(host: str) -> None:
    assert numeric_address(host) == "127.0.0.1"


@pytest.mark.parametrize("host", ["localhost", "newsite.com", "", "a" * 300])
def test_a_name_is_no_numeric_form(host: str) -> None:
    assert numeric_address(host) == ""
