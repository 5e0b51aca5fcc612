"""What Django and the Channels layer are told of each kind of Redis URL."""

import pytest

from sioweb_project.redis_settings import layer_host, queues_cache

SENTINEL = (
    "rediss+sentinel://me:p%40@a:26379,b:1/Main/2?ssl_cert_reqs=none&ssl_check_hostname=no"
    "&sentinel_username=you&sentinel_password=s%40"
)
SENTINELS = [("a", 26379), ("b", 1)]
TLS = {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
SERVERS = TLS | {"username": "me", "password": "p@", "db": 2}
OWN = TLS | {"username": "you", "password": "s@"}


@pytest.mark.parametrize("url", ["redis://:p@a:1/2", "rediss://a:1/0", "unix:///run/a.sock?db=1"])
def test_single_server_stays_a_url(url: str) -> None:
    cache = queues_cache(url, wait_replicas=1)
    assert cache["LOCATION"] == url
    assert cache["OPTIONS"]["WAIT_REPLICAS"] == 1
    assert layer_host(url) == {"address": url, "socket_timeout": None, "protocol": 2}


def test_sentinels_and_servers_have_credentials_of_their_own() -> None:
    cache, host = queues_cache(SENTINEL), layer_host(SENTINEL)
    assert cache["OPTIONS"]["SENTINELS"] == host["sentinels"] == SENTINELS
    for keywords in (cache["OPTIONS"]["CONNECTION_POOL_KWARGS"], host):
        assert keywords.items() >= SERVERS.items()
    for keywords in (cache["OPTIONS"]["SENTINEL_KWARGS"], host["sentinel_kwargs"]):
        assert keywords.items() >= OWN.items()
        assert "db" not in keywords


def test_service_keeps_its_capital_letters() -> None:
    assert queues_cache(SENTINEL)["OPTIONS"]["CONNECTION_POOL_KWARGS"]["service_name"] == "Main"
    assert layer_host(SENTINEL)["master_name"] == "Main"


def test_passwords_of_servers_are_not_told_to_sentinels() -> None:
    host = layer_host("redis+sentinel://me:p@a/main")
    assert host["sentinel_kwargs"].keys().isdisjoint({"username", "password"})


def test_cluster_is_its_nodes_without_a_database() -> None:
    url = "redis+cluster://me:p@a,b:1"
    cache, host = queues_cache(url), layer_host(url)
    assert cache["OPTIONS"]["CLUSTER_NODES"] == host["cluster_nodes"] == [("a", 6379), ("b", 1)]
    assert host.items() >= {"username": "me", "password": "p"}.items()
    assert "db" not in cache["OPTIONS"]["CONNECTION_POOL_KWARGS"]


def test_no_read_of_a_subscription_times_out() -> None:
    for url in ("redis://a", SENTINEL, "redis+cluster://a"):
        assert layer_host(url)["socket_timeout"] is None
