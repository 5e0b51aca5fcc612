"""A Redis address to what Django, django-redis and channels-redis are told of it.

Between redis_address and settings.py. delivery.redis_pools reads the same settings.
"""

from typing import Any

from redis.connection import parse_url

from sioweb_project.redis_address import RedisAddress, parse_redis_url

# So that two sentinels that hang still leave time for the third: an answer has two seconds.
SENTINEL_SECONDS = 0.5
# redis-py 8 ends each blocking read after 5 s unless told otherwise.
NO_TIMEOUT = {"socket_timeout": None}
# With RESP 3, redis-py writes out each announcement for a log that nobody reads.
PROTOCOL = {"protocol": 2}

Settings = dict[str, Any]


def queues_cache(url: str, wait_replicas: int = 0) -> Settings:
    """Return the entry of CACHES; WAIT_REPLICAS and CLUSTER_NODES are for delivery only."""
    address = parse_redis_url(url)
    options: Settings = {"CONNECTION_POOL_KWARGS": NO_TIMEOUT, "WAIT_REPLICAS": wait_replicas}
    if not address.nodes:
        return _cache(url, options)
    options["CONNECTION_POOL_KWARGS"] = _connection(address) | NO_TIMEOUT
    if address.is_cluster:
        options["CONNECTION_FACTORY"] = "sioweb_project.cluster_factory.ClusterConnectionFactory"
        options["CLUSTER_NODES"] = list(address.nodes)
        return _cache(url, options)
    options["CONNECTION_FACTORY"] = "django_redis.pool.SentinelConnectionFactory"
    options["SENTINELS"] = list(address.nodes)
    options["SENTINEL_KWARGS"] = _sentinel_connection(address)
    # Said here as well, as the factory reads it off the URL in small letters.
    options["CONNECTION_POOL_KWARGS"] |= {"service_name": address.service}
    return _cache(f"redis://service/{address.db}", options)


def layer_host(url: str) -> Settings:
    """Return the entry of the Channels layer's `hosts`."""
    address = parse_redis_url(url)
    if not address.nodes:
        return {"address": url} | NO_TIMEOUT | PROTOCOL
    host = _connection(address) | NO_TIMEOUT | PROTOCOL | {"retry": None}
    if address.is_cluster:
        return host | {"cluster_nodes": list(address.nodes)}
    return host | {
        "master_name": address.service,
        "sentinels": list(address.nodes),
        "sentinel_kwargs": _sentinel_connection(address),
    }


def _cache(location: str, options: Settings) -> Settings:
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": location,
        "OPTIONS": options,
    }


def _connection(address: RedisAddress) -> Settings:
    """Return redis-py's keywords for everything but the host."""
    one = RedisAddress(
        db=address.db,
        username=address.username,
        password=address.password,
        is_tls=address.is_tls,
        tls=address.tls,
    )
    keywords: Settings = dict(parse_url(one.url))  # type: ignore[no-untyped-call]
    unsaid = ("db",) if address.is_cluster else ()
    for name in ("host", "port", "connection_class", *unsaid):
        keywords.pop(name, None)
    return keywords | ({"ssl": True} if address.is_tls else {})


def _sentinel_connection(address: RedisAddress) -> Settings:
    """Sentinels have users of their own, no databases, and the servers' certificates."""
    keywords = _connection(address)
    for name in ("db", "username", "password"):
        keywords.pop(name, None)
    own = {name.removeprefix("sentinel_"): value for name, value in address.sentinel.items()}
    timeouts = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
    return keywords | own | timeouts | {"protocol": 2, "retry": None}
