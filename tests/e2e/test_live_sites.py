"""Sites and keys change in the database while the service runs: no restart, two seconds."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.conftest import Connect, Run
from tests.e2e.events import stored
from tests.e2e.interpreter import Interpreter, interpreter
from tests.e2e.node_client import NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import FakeSite, User
from tests.e2e.waiting import until

LIVE_SECONDS = 2.0
IMPORTS = "from django.utils import timezone; from sites.models import ApiKey, Site"
FIRST_KEY, SECOND_KEY = "the-first-key-of-a-new-site", "the-second-key-of-a-new-site"
numbers = itertools.count(1)


@dataclass(frozen=True)
class NewSite:
    """A site that sites.yml does not know."""

    service: Service
    python: Interpreter
    name: str
    auth_url: str

    async def change(self, statement: str) -> str:
        """Run Python beside the service, with `site` the site; return what it prints."""
        lookup = f"site = Site.objects.filter(name={self.name!r}).first()"
        lines = "\n".join([IMPORTS, lookup, statement])
        return await self.python.run(lines)

    async def add(self) -> None:
        site = f"Site(name={self.name!r}, auth_url={self.auth_url!r}, user_room_prefix='user_')"
        keys = (f"ApiKey.objects.add(site, {key!r})" for key in (FIRST_KEY, SECOND_KEY))
        await self.change("\n".join([f"site = {site}", "site.save()", *keys]))
        await self.answers(200)

    async def status(self, key: str = FIRST_KEY) -> int:
        query = {"site": self.name, "apiKey": key}
        body = {"rooms": "nobody-here", "event": "hello"}
        async with self.service.http.post("/send", params=query, json=body) as response:
            return response.status

    async def answers(self, status: int, key: str = FIRST_KEY) -> None:
        async def is_so() -> bool:
            return await self.status(key) == status

        await until(is_so, f"/send answers {status}", LIVE_SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def python(service: Service) -> AsyncIterator[Interpreter]:
    async with interpreter(service.installation) as python:
        yield python


@pytest.fixture
def new_site(service: Service, python: Interpreter, fake_site: FakeSite) -> NewSite:
    return _new_site(service, python, fake_site)


@pytest_asyncio.fixture(loop_scope="session")
async def site_of_own_service(run: Run, fake_site: FakeSite) -> AsyncIterator[NewSite]:
    service = await run()
    async with interpreter(service.installation) as python:
        yield _new_site(service, python, fake_site)


@pytest.fixture
def user(fake_site: FakeSite) -> User:
    return fake_site.new_user()


async def test_a_site_added_while_the_service_runs_takes_messages_and_clients(
    new_site: NewSite, connect: Connect, service: Service, user: User, fake_site: FakeSite
) -> None:
    assert await new_site.status() == 401
    await new_site.add()
    client = await connect(user, site=new_site.name)
    assert fake_site.calls_of(user.token)[0].path == f"/{new_site.name}"
    await service.send(user.room, "hello", site=new_site.name, key=FIRST_KEY)
    assert await client.event() == stored("hello")


async def test_a_client_that_came_too_early_may_come_again(
    new_site: NewSite, node: NodeProcess, service: Service, user: User
) -> None:
    client = node.open(service.namespace(new_site.name, token=user.token))
    assert (await client.next("connect_error"))["message"] == "Invalid namespace"
    await new_site.add()
    client.connect()
    await client.next("connect")


@pytest.mark.parametrize(
    "ending",
    [
        "site.is_enabled = False; site.save()",
        "Site.objects.filter(pk=site.pk).update(is_enabled=False)",
        "site.delete()",
        "site.name += '-renamed'; site.save()",
    ],
    ids=["disabled", "disabled-in-bulk", "deleted", "renamed"],
)
async def test_a_site_that_ends_sends_its_clients_away_and_refuses_messages(
    ending: str, new_site: NewSite, connect: Connect, service: Service, user: User
) -> None:
    await new_site.add()
    client = await connect(user, site=new_site.name)
    neighbour = await connect(user)
    await new_site.change(ending)
    disconnect = await client.next("disconnect", LIVE_SECONDS)
    assert disconnect["reason"] == "io server disconnect"  # so that it stays away
    await new_site.answers(401)
    client.connect()
    assert (await client.next("connect_error"))["message"] == "Invalid namespace"
    await service.send(user.room, "marker")
    assert await neighbour.event() == stored("marker")
    assert not neighbour.has_heard("disconnect")


async def test_a_site_that_is_enabled_again_works_again(
    new_site: NewSite, connect: Connect, user: User
) -> None:
    await new_site.add()
    await new_site.change("site.is_enabled = False; site.save()")
    await new_site.answers(401)
    await new_site.change("site.is_enabled = True; site.save()")
    await new_site.answers(200)
    await connect(user, site=new_site.name)


async def test_a_revoked_key_stops_working_and_the_other_goes_on(
    new_site: NewSite, connect: Connect, service: Service, user: User
) -> None:
    await new_site.add()
    client = await connect(user, site=new_site.name)
    await new_site.change(f"site.api_keys.with_text({FIRST_KEY!r}).get().revoke()")
    await new_site.answers(401)
    await service.send(user.room, "hello", site=new_site.name, key=SECOND_KEY)
    assert await client.event() == stored("hello")
    assert not client.has_heard("disconnect")


async def test_a_key_made_while_the_service_runs_works(new_site: NewSite) -> None:
    await new_site.add()
    text = (await new_site.change("print('made', ApiKey.objects.make(site)[1])")).split("made ")[1]
    await new_site.answers(200, text.strip())
    assert await new_site.status(FIRST_KEY) == 200


async def test_a_new_auth_url_is_asked_from_then_on(
    new_site: NewSite, connect: Connect, user: User, fake_site: FakeSite
) -> None:
    await new_site.add()
    moved = fake_site.url(f"moved-{new_site.name}")
    marker = f"ApiKey.objects.add(site, {new_site.name!r})"  # live at the same moment
    await new_site.change(
        "\n".join(
            [
                "from django.db import transaction",
                "with transaction.atomic():",
                f"    site.auth_url = {moved!r}; site.save(); {marker}",
            ]
        )
    )
    await new_site.answers(200, new_site.name)
    await connect(user, site=new_site.name)
    assert [call.path for call in fake_site.calls_of(user.token)] == [f"/moved-{new_site.name}"]


async def test_when_a_key_was_last_used_is_written(site_of_own_service: NewSite) -> None:
    """Once a minute and process: on a service that has not yet written it."""
    site = site_of_own_service
    used = "print('used', [key.last_used_at is not None for key in site.api_keys.order_by('pk')])"
    await site.change(
        f"site = Site.objects.create(name={site.name!r}, auth_url={site.auth_url!r})\n"
        f"for key in ({FIRST_KEY!r}, {SECOND_KEY!r}): ApiKey.objects.add(site, key)"
    )
    assert "used [False, False]" in await site.change(used)
    await site.answers(200)

    async def is_written() -> bool:
        return "used [True, False]" in await site.change(used)

    await until(is_written, "the first key's last use is in the database")


async def test_every_use_of_a_key_is_counted_when_the_service_stops(
    site_of_own_service: NewSite,
) -> None:
    site = site_of_own_service
    await site.add()  # which calls /send until the first key works: one use
    used = f"print('used', site.api_keys.with_text({FIRST_KEY!r}).get().use_count)"

    async def is_written() -> bool:
        return "used 1" in await site.change(used)

    await until(is_written, "the first use is in the database")
    assert [await site.status() for _ in range(3)] == [200, 200, 200]
    await site.service.stop()
    assert "used 4" in await site.change(used)


def _new_site(service: Service, python: Interpreter, fake_site: FakeSite) -> NewSite:
    name = f"new{next(numbers)}"
    return NewSite(service, python, name, fake_site.url(name))
