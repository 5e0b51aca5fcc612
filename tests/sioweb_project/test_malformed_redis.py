"""Each wrong option of `redis` gives one line: where, the value, what is accepted."""

from pathlib import Path

import pytest

from tests.sioweb_project.malformed import SECRET, Cases, refuse_production

CASES: Cases = {
    "another word for redis": (
        "redis: builtin",
        "production.redis is 'builtin'; accepted: embedded, or a mapping with host, port",
    ),
    "a list for redis": ("redis: [127.0.0.1]", "production.redis is a list; accepted: embedded"),
    "a wrong redis port": (
        "redis: {port: abc}",
        "production.redis.port is 'abc'; accepted: a whole number from 1 to 65535",
    ),
    "a redis port of 0": ("redis: {port: 0}", "production.redis.port is 0; accepted: a whole"),
    "a typo in redis": (
        "redis: {hots: a}",
        "production.redis.hots is no known option (its value: 'a'); did you mean host?; accepted:",
    ),
    "a typo of an option without meaning": (
        "redis: {retry_stategy: 1}",
        "production.redis.retry_stategy is no known option (its value: 1);"
        " did you mean retry_strategy?; accepted:",
    ),
    "a typo of a password": (
        f"redis: {{auht_pass: {SECRET}}}",
        "production.redis.auht_pass is no known option (its value: ***); did you mean auth_pass?",
    ),
    "a password that is a list": (
        f"redis: {{password: [{SECRET}]}}",
        "production.redis.password is ***; accepted: text",
    ),
    "a boolean password": (
        "redis: {auth_pass: true}",
        "production.redis.auth_pass is ***; accepted",
    ),
    "two different passwords": (
        f"redis: {{auth_pass: a, password: {SECRET}}}",
        "production.redis.password is ***, it differs from auth_pass; accepted: one of the two",
    ),
    "a Redis URL of another kind": (
        f"redis: {{url: 'http://me:{SECRET}@example.com'}}",
        "production.redis.url is 'http://***@example.com'; accepted: a URL such as redis://",
    ),
    "a Sentinel URL without a service": (
        f"redis: {{url: 'redis+sentinel://:{SECRET}@a:26379'}}",
        "production.redis.url is 'redis+sentinel://***@a:26379'; accepted: a URL such as",
    ),
    "a Sentinel URL with a database in words": (
        f"redis: {{url: 'redis+sentinel://:{SECRET}@a/main/x?sentinel_password={SECRET}'}}",
        "production.redis.url is 'redis+sentinel://***@a/main/x?***'; accepted: a URL such as",
    ),
    "a Sentinel URL with a slash in its password": (
        f"redis: {{url: 'redis+sentinel://:{SECRET}/{SECRET}@a,b/main'}}",
        "production.redis.url is 'redis+sentinel://***@a,b/main'; accepted: a URL such as",
    ),
    "a password of sentinels that are none": (
        f"redis: {{url: 'redis://a?sentinel_password={SECRET}'}}",
        "production.redis.url is 'redis://a?***'; accepted: a URL such as redis://",
    ),
    "a Cluster URL with a hole": (
        f"redis: {{url: 'redis+cluster://:{SECRET}@a,,b'}}",
        "production.redis.url is 'redis+cluster://***@a,,b'; accepted: a URL such as",
    ),
    "a Cluster URL with a database": (
        "redis: {url: 'redis+cluster://a/1'}",
        "production.redis.url is 'redis+cluster://a/1'; accepted: a URL such as",
    ),
    "a Cluster URL that ends after the password": (
        f"redis: {{url: 'redis+cluster://:{SECRET}'}}",
        "production.redis.url is 'redis+cluster://:***'; accepted: a URL such as",
    ),
    "a database beside a Cluster URL": (
        "redis: {url: 'redis+cluster://a', db: 1}",
        "production.redis.db is 1, it is no database of a cluster; accepted: 0",
    ),
    "too many replicas to wait for": (
        "redis: {wait_replicas: 11}",
        "production.redis.wait_replicas is 11; accepted: a whole number from 0 to 10",
    ),
    "replicas in words": (
        "redis: {wait_replicas: one}",
        "production.redis.wait_replicas is 'one'; accepted: a whole number from 0 to 10",
    ),
    "a Redis URL with a slash in its password": (
        f"redis: {{url: 'redis://:{SECRET}/{SECRET}@a:6379/0'}}",
        "production.redis.url is 'redis://***@a:6379/0'; accepted: a URL such as redis://",
    ),
    "a Redis URL with an unknown parameter": (
        f"redis: {{url: 'redis://a?pasword={SECRET}'}}",
        "production.redis.url is 'redis://a?***'; accepted: a URL such as redis://",
    ),
    "a Redis URL with a database in words": (
        "redis: {url: 'redis://a/main'}",
        "production.redis.url is 'redis://a/main'; accepted: a URL such as redis://",
    ),
    "a Redis URL whose password splits it": (
        f"redis: {{url: 'redis://:{SECRET}#x@a:6379'}}",
        "production.redis.url is 'redis://***@a:6379'; accepted: a URL such as redis://",
    ),
    "a Redis URL that ends after the password": (
        f"redis: {{url: 'redis://:{SECRET}/0'}}",
        "production.redis.url is 'redis://:***/0'; accepted: a URL such as redis://",
    ),
    "a Redis URL with the port 0": (
        "redis: {url: 'redis://a:0'}",
        "production.redis.url is 'redis://a:0'; accepted: a URL such as redis://",
    ),
    "a Redis URL beside a host": (
        "redis: {url: 'redis://a', host: b}",
        "production.redis.host is 'b', it stands beside url; accepted: one of the two",
    ),
    "a family that does not fit": (
        "redis: {host: 10.0.0.1, family: IPv6}",
        "production.redis.family is 'IPv6', it does not fit host; accepted: IPv4",
    ),
    "an unknown family": (
        "redis: {family: IPv5}",
        "production.redis.family is 'IPv5'; accepted: IPv4 or IPv6",
    ),
    "a relative socket path": (
        "redis: {path: redis.sock}",
        "production.redis.path is 'redis.sock'; accepted: the absolute path of a Unix socket",
    ),
    "a prefix that would break a hash tag": (
        "redis: {prefix: '{a}'}",
        "production.redis.prefix is '{a}'; accepted: 1 to 64 of letters, digits",
    ),
    "tls in words": ("redis: {tls: 'on'}", "production.redis.tls is 'on'; accepted: true, false"),
    "a typo in tls": (
        "redis: {tls: {rejectUnauthorised: false}}",
        "production.redis.tls.rejectUnauthorised is no known option (its value: false);"
        " did you mean rejectUnauthorized?; accepted: ca, cert, key, rejectUnauthorized",
    ),
    "a key of tls that is PEM text": (
        f'redis: {{tls: {{key: "-----BEGIN\\n{SECRET}"}}}}',
        "production.redis.tls.key is ***; accepted: the path of a PEM file",
    ),
}


@pytest.mark.parametrize(("section", "expected"), CASES.values(), ids=CASES)
def test_wrong_redis_option_is_refused_with_its_place(
    tmp_path: Path, section: str, expected: str
) -> None:
    assert refuse_production(tmp_path, section).startswith(expected)
