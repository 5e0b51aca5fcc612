"""node_redis' options and Redis URLs become one URL."""

from pathlib import Path

import pytest
import redis

from sioweb_project.config import RedisConfig, load_config

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def load(
    folder: Path, options: str, environment: str = "production", **environ: str
) -> RedisConfig:
    (folder / "config.yml").write_text(f"{environment}: {{redis: {options}}}\n")
    own = {"SIOWEB_CONFIG_DIR": str(folder), "SIOWEB_DATA_DIR": str(folder)}
    return load_config(own | {"SIOWEB_ENV": environment} | environ).redis


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ("{}", "redis://127.0.0.1:6379/0"),
        ("{host: redis.example.com, port: 6380}", "redis://redis.example.com:6380/0"),
        ("{auth_pass: 12345}", "redis://:12345@127.0.0.1:6379/0"),
        ("{auth_pass: 0123}", "redis://:0123@127.0.0.1:6379/0"),
        ("{password: no}", "redis://:no@127.0.0.1:6379/0"),
        ("{password: 'a/b@c:d%?#'}", "redis://:a%2Fb%40c%3Ad%25%3F%23@127.0.0.1:6379/0"),
        ("{user: me, password: p}", "redis://me:p@127.0.0.1:6379/0"),
        ("{username: me, auth_pass: p, db: 3}", "redis://me:p@127.0.0.1:6379/3"),
        ("{host: '::1'}", "redis://[::1]:6379/0"),
        ("{family: IPv6}", "redis://[::1]:6379/0"),
        ("{path: /run/redis.sock, db: 1}", "unix:///run/redis.sock?db=1"),
        ("{path: '/run/my redis', password: p}", "unix://:p@/run/my%20redis?db=0"),
        ("{tls: {}}", "rediss://127.0.0.1:6379/0"),
        ("{tls: true}", "rediss://127.0.0.1:6379/0"),
        ("{tls: false}", "redis://127.0.0.1:6379/0"),
        ("{tls: {rejectUnauthorized: false}}", "rediss://127.0.0.1:6379/0?ssl_cert_reqs=none"),
        ("{url: 'redis://:p@a:1/2'}", "redis://:p@a:1/2"),
        ("{url: '//a'}", "redis://a:6379/0"),
        ("{url: 'redis://a?db=2&password=p'}", "redis://:p@a:6379/2"),
        ("{url: 'redis://a/1', password: p, db: 0}", "redis://:p@a:6379/0"),
        ("{url: 'redis://a', tls: {}}", "rediss://a:6379/0"),
        (
            "{url: 'rediss://a?ssl_ca_certs=/etc/ca.pem'}",
            "rediss://a:6379/0?ssl_ca_certs=%2Fetc%2Fca.pem",
        ),
        ("{url: 'unix:///run/redis.sock'}", "unix:///run/redis.sock?db=0"),
        (
            "{url: 'redis+sentinel://me:p%40@a,[::1]:1/My%2Fmain/2?sentinel_password=s%40'}",
            "redis+sentinel://me:p%40@a:26379,[::1]:1/My%2Fmain/2?sentinel_password=s%40",
        ),
        ("{url: 'redis+sentinel://a/main', db: 3}", "redis+sentinel://a:26379/main/3"),
        ("{url: 'redis+sentinel://a/main', tls: {}}", "rediss+sentinel://a:26379/main/0"),
        ("{url: 'redis+cluster://a,b:1', auth_pass: p}", "redis+cluster://:p@a:6379,b:1/0"),
        (
            "{url: 'rediss+cluster://a?ssl_cert_reqs=none', db: 0}",
            "rediss+cluster://a:6379/0?ssl_cert_reqs=none",
        ),
    ],
)
def test_options_become_a_url(tmp_path: Path, options: str, url: str) -> None:
    assert load(tmp_path, options).url == url


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "{user: 'm@e', password: 'a/b:c%', db: 4}",
            {"username": "m@e", "password": "a/b:c%", "db": 4, "host": "127.0.0.1", "port": 6379},
        ),
        (
            "{path: '/run/a b?', password: 'a/b:c%', db: 4}",
            {"path": "/run/a b?", "password": "a/b:c%", "db": 4},
        ),
        (
            f"{{tls: {{ca: {PEM!r}, cert: /c.pem, key: /k.pem}}}}".replace("'", '"'),
            {"ssl_ca_data": PEM, "ssl_certfile": "/c.pem", "ssl_keyfile": "/k.pem"},
        ),
    ],
)
def test_url_means_the_same_to_redis_py(
    tmp_path: Path, options: str, expected: dict[str, object]
) -> None:
    pool = redis.ConnectionPool.from_url(str(load(tmp_path, options).url))
    assert pool.connection_kwargs.items() >= expected.items()


@pytest.mark.parametrize(
    ("environment", "options", "environ", "url"),
    [
        ("development", "", {}, None),
        ("development", "{host: a}", {}, "redis://a:6379/0"),
        ("development", "embedded", {"SIOWEB_REDIS_URL": "redis://b"}, "redis://b:6379/0"),
        ("development", "embedded", {"REDIS_URL": "redis://b"}, None),
        ("development", "", {"REDIS_URL": "redis://b"}, "redis://b:6379/0"),
        ("production", "", {}, "redis://127.0.0.1:6379/0"),
        ("production", "embedded", {}, None),
        ("production", "{host: a}", {"REDIS_URL": "redis://b"}, "redis://b:6379/0"),
        ("production", "{host: a}", {"SIOWEB_REDIS_URL": "embedded"}, None),
        (
            "production",
            "{host: a}",
            {"REDIS_URL": "redis://b", "SIOWEB_REDIS_URL": "unix:///c"},
            "unix:///c?db=0",
        ),
        (
            "production",
            "{host: a}",
            {"SIOWEB_REDIS_URL": "redis+sentinel://a,b/main"},
            "redis+sentinel://a:26379,b:26379/main/0",
        ),
        ("production", "", {"REDIS_URL": "redis+cluster://a"}, "redis+cluster://a:6379/0"),
    ],
)
def test_variable_wins_over_option_and_option_over_default(
    tmp_path: Path, environment: str, options: str, environ: dict[str, str], url: str | None
) -> None:
    assert load(tmp_path, options, environment, **environ).url == url


def test_replicas_to_wait_for_stay_when_a_variable_says_where_redis_is(tmp_path: Path) -> None:
    config = load(tmp_path, "{wait_replicas: 2}", SIOWEB_REDIS_URL="redis+cluster://b")
    assert config == RedisConfig("redis+cluster://b:6379/0", wait_replicas=2)


def test_prefix_stays_when_a_variable_says_where_redis_is(tmp_path: Path) -> None:
    config = load(tmp_path, "{prefix: 'shop:'}", SIOWEB_REDIS_URL="redis://b")
    assert config == RedisConfig("redis://b:6379/0", prefix="shop:")


def test_default_prefix_is_the_project(tmp_path: Path) -> None:
    assert load(tmp_path, "{host: a}").prefix == "sioweb"
