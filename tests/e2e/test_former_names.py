"""The name of a site that is gone: what still waits under it is not for whoever takes it next."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.e2e.conftest import Run
from tests.e2e.control_room import NAME, PASSWORD, ControlRoom
from tests.e2e.events import batch
from tests.e2e.interpreter import Interpreter, interpreter
from tests.e2e.node_client import NodeProcess
from tests.e2e.service import Service
from tests.e2e.site import FakeSite
from tests.e2e.waiting import until
from tests.sites.admin_pages import shown_key

MAKE_OWNER = f"""
from django.contrib.auth.models import Permission, User
from sites.models import Site
names = ["view_site", "add_site", "delete_site", "delete_apikey"]
user = User.objects.create_user({NAME!r}, password={PASSWORD!r}, is_staff=True)
user.user_permissions.set(Permission.objects.filter(codename__in=names))
Site.objects.get(name="newsite").owners.add(user)
"""
MAKE_OPERATOR = f"""
from django.contrib.auth.models import Permission, User
User.objects.get(username={NAME!r}).user_permissions.add(Permission.objects.get(codename="all_sites"))
"""
PRINT_PK = """
from sites.models import Site
print(Site.objects.get(name="newsite").pk)
"""
PAGES = "/admin/sites/site"


@pytest_asyncio.fixture(loop_scope="session")
async def service(run: Run) -> Service:
    return await run()


@pytest_asyncio.fixture(loop_scope="session")
async def python(service: Service) -> AsyncIterator[Interpreter]:
    async with interpreter(service.installation) as python:
        await python.run(MAKE_OWNER)
        yield python


@pytest.fixture
def form(fake_site: FakeSite) -> dict[str, str]:
    """Of a site that would have another owner, but the same users."""
    return {
        "name": "newsite",
        "auth_url": fake_site.url("newsite"),
        "auth_scheme": "Bearer",
        "user_room_prefix": "user_",
        "is_enabled": "on",
        "reauth_seconds": "0",
    }


async def test_a_deleted_sites_messages_are_not_for_whoever_may_add_sites(
    service: Service,
    python: Interpreter,
    node: NodeProcess,
    fake_site: FakeSite,
    form: dict[str, str],
) -> None:
    user = fake_site.new_user()
    await service.send(user.room, "private")
    deletion = f"{PAGES}/{(await python.run(PRINT_PK)).strip()}/delete/"
    async with ControlRoom.enter(service) as room:
        assert "may take its name before that" in await room.page(deletion)
        await room.submit(deletion, {"post": "yes"})
        refused = await room.submit(f"{PAGES}/add/", form)
        assert "messages for its users may still wait" in refused
        await python.run(MAKE_OPERATOR)
        asked = await room.submit(f"{PAGES}/add/", form)
        assert "delivered to the clients of this one" in asked
        added = await room.submit(f"{PAGES}/add/", form | {"_confirmed": "taken over"})
    await until(accepts(service, shown_key(added)), "the new site is live")
    client = node.open(service.namespace("newsite", token=user.token))
    await client.next("connect")
    assert await client.event() == batch(["private"])


def accepts(service: Service, key: str) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        query, body = {"site": "newsite", "apiKey": key}, {"rooms": "staff", "event": "hello"}
        async with service.http.post("/send", params=query, json=body) as answer:
            return answer.status == 200

    return is_so
