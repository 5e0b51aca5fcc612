"""Each wrong option of an environment gives one line: where, the value, what is accepted."""

from pathlib import Path

import pytest

from tests.sioweb_project.malformed import SECRET, Cases, refuse_production

CASES: Cases = {
    "a limit below nothing": (
        "limits: {sends_per_second: -1}",
        "production.limits.sends_per_second is -1; accepted: a whole number, 0 or more (0: no",
    ),
    "a limit of nothing": (
        "limits: {sends: 1}",
        "production.limits.sends is no known option (its value: 1)",
    ),
    "limits that are no mapping": ("limits: 5", "production.limits is 5; accepted: a mapping of"),
    "a proxy by name": (
        "trusted_proxies: [proxy.local]",
        "production.trusted_proxies is 'proxy.local'; accepted: a list of addresses and networks",
    ),
    "a typo": (
        "prot: 80",
        "production.prot is no known option (its value: 80); did you mean port?; accepted: host,",
    ),
    "an option of nothing": (
        "zzz: 1",
        "production.zzz is no known option (its value: 1); accepted:",
    ),
    "a port in words": (
        "port: eighty",
        "production.port is 'eighty'; accepted: a whole number from 0 to 65535",
    ),
    "a port in quotes": ('port: "80"', "production.port is '80'; accepted: a whole number"),
    "a port that is too high": ("port: 65536", "production.port is 65536; accepted: a whole"),
    "a negative port": ("port: -1", "production.port is -1; accepted: a whole number from 0"),
    "a boolean port": ("port: true", "production.port is true; accepted: a whole number"),
    "a list of ports": ("port: [80, 81]", "production.port is a list; accepted: a whole number"),
    "a host with a port": ("host: a:80/b", "production.host is 'a:80/b'; accepted: a host name"),
    "a negative client_ttl": (
        "client_ttl: -1",
        "production.client_ttl is -1; accepted: a whole number of seconds, 0 or more",
    ),
    "a fractional client_ttl": (
        "client_ttl: 1.5",
        "production.client_ttl is 1.5; accepted: a whole",
    ),
    "a boolean client_ttl": (
        "client_ttl: true",
        "production.client_ttl is true; accepted: a whole",
    ),
    "an infinite client_ttl": ("client_ttl: 1e999", "production.client_ttl is inf; accepted:"),
    "two different ttls": (
        "client_ttl: 10\n  device_ttl: 20",
        "production.device_ttl is 20, it differs from client_ttl; accepted: one of the two",
    ),
    "a worker past five bits": (
        "flakeid: {worker: 32}",
        "production.flakeid.worker is 32; accepted: a whole number from 0 to 31",
    ),
    "a generator id past ten bits": (
        "flakeid: {id: 1024}",
        "production.flakeid.id is 1024; accepted: a whole number from 0 to 1023",
    ),
    "a time past what is accepted": (
        "client_ttl: 1e12",
        "production.client_ttl is 1000000000000; accepted: a whole number of seconds, 0 or more"
        " (0: for ever), at most 2147483647",
    ),
    "an epoch in the future": (
        "flakeid: {epoch: 9999999999999}",
        "production.flakeid.epoch is 9999999999999; accepted: milliseconds since 1970, not in",
    ),
    "a mask past twelve bits": (
        "flakeid: {seqMask: 0x1000}",
        "production.flakeid.seqMask is 4096; accepted: a whole number from 0 to 4095",
    ),
    "a number for flakeid": ("flakeid: 7", "production.flakeid is 7; accepted: a mapping with id"),
    "an unknown kind of database": (
        f"database: mongodb://me:{SECRET}@db/sio",
        "production.database is 'mongodb://***@db/sio'; accepted: a URL such as sqlite:///",
    ),
    "a secret key that is a list": (
        f"secret_key: [{SECRET}]",
        "production.secret_key is ***; accepted: text",
    ),
    "allowed hosts with a scheme": (
        "allowed_hosts: ['https://a']",
        "production.allowed_hosts is 'https://a'; accepted: a list of host names",
    ),
    "a denied network with bits past its mask": (
        "auth_url_deny: [private, 10.0.0.1/8]",
        "production.auth_url_deny is '10.0.0.1/8'; accepted: a list of private and of networks",
    ),
    "a denial by name": (
        "auth_url_deny: [localhost]",
        "production.auth_url_deny is 'localhost'; accepted: a list of private and of networks",
    ),
    "https in words": (
        "admin: {https: sometimes}",
        "production.admin.https is 'sometimes'; accepted: true or false",
    ),
    "a typo within admin": (
        "admin: {htps: true}",
        "production.admin.htps is no known option (its value: true); did you mean https?;",
    ),
    "a body limit of 0": (
        "send_body_limit: 0",
        "production.send_body_limit is 0; accepted: a whole number of bytes, 1 or more",
    ),
    "receipts of no message": (
        "receipts: {max_messages: 0}",
        "production.receipts.max_messages is 0; accepted: a whole number of messages an hour",
    ),
    "receipts that are neither on nor off": (
        "receipts: {enabled: maybe}",
        "production.receipts.enabled is 'maybe'; accepted: true or false",
    ),
    "a text that goes on and on": ("port: " + "9" * 40 + "x" * 4000, "production.port is '99999"),
}


@pytest.mark.parametrize(("section", "expected"), CASES.values(), ids=CASES)
def test_wrong_option_is_refused_with_its_place(
    tmp_path: Path, section: str, expected: str
) -> None:
    assert refuse_production(tmp_path, section).startswith(expected)
