"""Faults of a real Redis, each of which the doctor finds."""

import asyncio
import signal
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from pytest_django import Settings

from sioweb_project.doctor import backplane_round, redis_health
from sioweb_project.doctor.findings import Finding, Level
from sioweb_project.redis_settings import layer_host, queues_cache
from tests.e2e.waiting import until
from tests.redis_process import PASSWORD, SERVER_CONFIG, RedisProcess, ending, require_redis
from tests.redis_topologies import cluster, sentinel
from tests.sioweb_project.doctor.saying import is_well, only, says

CONFIG = f"{SERVER_CONFIG}enable-protected-configs yes\n"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisProcess]:
    require_redis()
    server = RedisProcess(tmp_path_factory.mktemp("redis") / "server", CONFIG)
    with ending([server]):
        await server.start()
        yield server


def url(server: RedisProcess, password: str = PASSWORD, user: str = "") -> str:
    return f"redis://{user}:{quote(password, safe='')}@127.0.0.1:{server.port}/0"


async def finding(server: RedisProcess, subject: str) -> Finding:
    return only(await redis_health.examine_at(url(server)), subject)


async def test_a_redis_that_is_fit_for_messages_is_well(server: RedisProcess) -> None:
    is_well(await redis_health.examine_at(url(server)))


@pytest.mark.parametrize(
    ("option", "wrong", "right", "subject", "level", "text", "mend"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", "redis eviction", Level.FAIL,
         "allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
        ("appendonly", "no", "yes", "redis persistence", Level.FAIL,
         "a restart loses waiting messages", "CONFIG SET appendonly yes"),
        ("maxmemory", "1200000", "0", "redis memory", Level.FAIL, "of 1 MiB", "Raise maxmemory"),
        ("maxclients", "40", "10000", "redis connections", Level.WARN, "at most 40",
         "CONFIG SET maxclients 10000"),
    ],
)  # fmt: skip
async def test_a_wrong_option_is_found(
    server: RedisProcess,
    option: str,
    wrong: str,
    right: str,
    subject: str,
    level: Level,
    text: str,
    mend: str,
) -> None:
    await server.command("CONFIG", "SET", option, wrong)
    says(await finding(server, subject), level, text, mend)
    await server.command("CONFIG", "SET", option, right)
    says(await finding(server, subject), Level.OK, "", "")


async def test_a_file_that_could_not_be_written_is_found(server: RedisProcess) -> None:
    """Redis writes its snapshot to a name that a folder has."""
    (server.folder / "taken.rdb").mkdir()
    await server.command("CONFIG", "SET", "dbfilename", "taken.rdb")
    await server.command("BGSAVE", "SCHEDULE")

    async def is_found() -> bool:
        return (await finding(server, "redis writing")).level is not Level.OK

    await until(is_found, "Redis has failed to write")
    says(await finding(server, "redis writing"), Level.FAIL, "could not write", "Free disk space")
    await server.command("CONFIG", "SET", "dbfilename", "free.rdb")
    await server.command("SAVE")


async def test_another_program_in_the_same_redis_is_found(server: RedisProcess) -> None:
    await server.command("SET", "theirs", "1")
    await server.command("MOVE", "theirs", "3")
    says(await finding(server, "redis neighbours"), Level.WARN, "db3", "a Redis of its own")
    await server.command("FLUSHALL")


async def test_a_replica_in_place_of_the_master_is_found(server: RedisProcess) -> None:
    await server.command("REPLICAOF", "127.0.0.1", "1")
    says(await finding(server, "redis role"), Level.FAIL, "is a replica", "Name the master")
    await server.command("REPLICAOF", "NO", "ONE")


async def test_a_wrong_password_is_found_and_not_shown(server: RedisProcess) -> None:
    [found] = await redis_health.examine_at(url(server, "hunter2-of-nobody"))
    says(found, Level.FAIL, "does not accept the password", "config.yml")
    assert "hunter2" not in f"{found}"


async def test_a_user_who_may_not_announce_is_found(
    server: RedisProcess, settings: Settings
) -> None:
    await server.command("ACL", "SETUSER", "mute", "on", ">mute", "~*", "+@all", "resetchannels")
    configure(settings, url(server, "mute", "mute"))
    [found] = await backplane_round.examine()
    says(found, Level.FAIL, "", "PUBLISH and SUBSCRIBE")


async def test_a_redis_that_hangs_or_is_dead_is_found_in_bounded_time(
    server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_health, "ANSWER_SECONDS", 0.3)
    server.signal(signal.SIGSTOP)
    async with asyncio.timeout(30):
        [found] = await redis_health.examine_at(url(server))
    says(found, Level.FAIL, "no answer in time", "systemctl status redis-server")
    server.signal(signal.SIGKILL)
    [found] = await redis_health.examine_at(url(server))
    says(found, Level.FAIL, "cannot be reached", "systemctl status redis-server")
    await server.bring_back()


async def test_the_master_behind_sentinels_is_well(settings: Settings) -> None:
    async with sentinel() as topology:
        configure(settings, topology.url)
        is_well(await redis_health.examine_at(topology.url))
        for server in topology.sentinels:
            server.signal(signal.SIGKILL)
        [found] = await redis_health.examine_at(topology.url)
        says(found, Level.FAIL, "cannot be reached: No sentinel of 127.0.0.1", "systemctl status")


async def test_a_cluster_that_has_lost_a_master_is_found(settings: Settings) -> None:
    async with cluster() as topology:
        configure(settings, topology.url)
        is_well([*await redis_health.examine_at(topology.url), *await backplane_round.examine()])
        await topology.kill_master()
        found = await redis_health.examine_at(topology.url)
    says(only(found, "redis cluster"), Level.FAIL, "not every master", "redis-cli --cluster check")
    [lost] = [each for each in found if "cannot be reached" in each.text]
    says(lost, Level.WARN, "", "systemctl status redis-server")


def configure(settings: Settings, url: str) -> None:
    """As settings.py does for this Redis."""
    settings.CACHES = {**settings.CACHES, "queues": queues_cache(url)}
    layer = settings.CHANNEL_LAYERS["default"]
    config = {**layer["CONFIG"], "hosts": [layer_host(url)]}
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": config}}


async def test_an_announcement_goes_round() -> None:
    is_well(await backplane_round.examine())
