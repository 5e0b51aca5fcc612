"""What one Redis server's INFO tells: is it fit to keep messages? For `redis_health`."""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.redis_servers import MAX_CONNECTIONS
from sioweb_project.doctor.findings import Finding, fail, ok, warn

OLDEST_VERSION = (6, 2)
KEEPING = "noeviction"
MEBIBYTE = 1024 * 1024
FULL = 0.8  # of the memory: time to act
CROWDED = 0.8  # of the connections
# Connections that each process of the service may open, with those of its backplane.
OWN_EACH = MAX_CONNECTIONS + 2

Info = Mapping[str, Any]


def look_at_figures(name: str, info: Info, database: int) -> Iterator[Finding]:
    """`name` says which server it is; `database` is the one that the service uses."""
    for look in (_version, _role, _persistence, _writing, _eviction, _memory, _connections):
        yield look(name, info)
    yield _neighbours(name, info, database)


def _version(name: str, info: Info) -> Finding:
    text = str(info.get("valkey_version") or info.get("redis_version", "0"))
    found = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    if found < OLDEST_VERSION:
        return fail("redis version", f"{name} is {text}", "Install Redis 6.2 or newer, or Valkey.")
    return ok("redis version", f"{name} is {text}")


def _role(name: str, info: Info) -> Finding:
    if info.get("cluster_enabled"):
        return ok("redis role", f"{name} is a {info.get('role')} of a cluster")
    if info.get("role") == "slave":
        return fail(
            "redis role",
            f"{name} is a replica, which takes no messages",
            "Name the master in redis of config.yml, or the sentinels: redis+sentinel://...",
        )
    return ok("redis role", f"{name} is a master")


def _persistence(name: str, info: Info) -> Finding:
    if info.get("aof_enabled"):
        return ok("redis persistence", f"{name} appends each write to a file")
    return fail(
        "redis persistence",
        f"{name} has no append-only file: a restart loses waiting messages",
        "redis-cli CONFIG SET appendonly yes; and put `appendonly yes` into redis.conf.",
    )


def _writing(name: str, info: Info) -> Finding:
    states = [info.get("aof_last_write_status", "ok"), info.get("rdb_last_bgsave_status", "ok")]
    states.append(info.get("aof_last_bgrewrite_status", "ok"))
    if any(state != "ok" for state in states):
        return fail(
            "redis writing",
            f"{name} could not write its file the last time",
            "Free disk space where Redis keeps its data, see that it may write there, and read "
            "Redis' own log: journalctl -u redis-server -n 50",
        )
    return ok("redis writing", f"{name} writes its files")


def _eviction(name: str, info: Info) -> Finding:
    policy, evicted = info.get("maxmemory_policy", KEEPING), int(info.get("evicted_keys", 0))
    if policy != KEEPING:
        return fail(
            "redis eviction",
            f"{name} throws keys away when its memory is full (maxmemory-policy {policy}): "
            f"{evicted} so far",
            "redis-cli CONFIG SET maxmemory-policy noeviction; and put it into redis.conf.",
        )
    return ok("redis eviction", f"{name} throws nothing away")


def _memory(name: str, info: Info) -> Finding:
    used = int(info.get("used_memory", 0))
    limit = int(info.get("maxmemory", 0)) or int(info.get("total_system_memory", 0))
    text = f"{name} uses {used // MEBIBYTE} of {limit // MEBIBYTE} MiB"
    if limit and used > FULL * limit:
        return fail(
            "redis memory",
            f"{text}; when it is full /send answers 503",
            "Raise maxmemory, or keep less: client_ttl and limits.queue_messages in config.yml. "
            "See docs/troubleshooting.md, memory of Redis.",
        )
    return ok("redis memory", text)


def _connections(name: str, info: Info) -> Finding:
    used, most = int(info.get("connected_clients", 0)), int(info.get("maxclients", 0))
    if most and (used > CROWDED * most or most < 2 * OWN_EACH):
        return warn(
            "redis connections",
            f"{name} has {used} of at most {most} connections; a process of the service may "
            f"open {OWN_EACH}",
            "redis-cli CONFIG SET maxclients 10000; and put it into redis.conf.",
        )
    return ok("redis connections", f"{name} has {used} of at most {most}")


def _neighbours(name: str, info: Info, database: int) -> Finding:
    others = sorted(key for key in info if key.startswith("db") and key != f"db{database}")
    if others:
        return warn(
            "redis neighbours",
            f"{name} is used by others, too ({', '.join(others)}): a FLUSHALL of theirs, or memory "
            "that they fill, takes your messages",
            "Give the service a Redis of its own.",
        )
    return ok("redis neighbours", f"{name} has no other database")
