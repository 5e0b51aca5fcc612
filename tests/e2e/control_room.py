"""An admin in the control room of one process: logged in, looking at numbers and acting."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import ClientSession, ClientTimeout, CookieJar

from tests.e2e.service import Service
from tests.e2e.waiting import WAIT_SECONDS

NAME, PASSWORD = "boss", "a password for tests"
MAKE_ADMIN = (
    "from django.contrib.auth.models import User; "
    f"User.objects.create_superuser({NAME!r}, password={PASSWORD!r})"
)
CONTROL = "/admin/control"

Figures = dict[str, Any]


@dataclass
class ControlRoom:
    http: ClientSession

    @classmethod
    @asynccontextmanager
    async def enter(cls, service: Service) -> AsyncIterator[Self]:
        """Log in as the admin that MAKE_ADMIN has made."""
        jar = CookieJar(unsafe=True)  # the host is an address
        timeout = ClientTimeout(total=None, sock_read=WAIT_SECONDS)
        async with ClientSession(service.url, cookie_jar=jar, timeout=timeout) as http:
            room = cls(http)
            async with http.get("/admin/login/"):
                pass
            fields = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": room.token}
            async with http.post("/admin/login/?next=/admin/", data=fields) as answer:
                assert answer.url.path == "/admin/"
            yield room

    @property
    def token(self) -> str:
        [token] = [cookie.value for cookie in self.http.cookie_jar if cookie.key == "csrftoken"]
        return token

    @asynccontextmanager
    async def watch(self, site: str = "") -> AsyncIterator["View"]:
        async with self.http.get(f"{CONTROL}/live/figures", params={"site": site}) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
            yield View(answer.content.iter_any().__aiter__())

    async def look(self, room: str, site: str = "newsite") -> dict[str, dict[str, Any]]:
        """The devices of a room, by their ids."""
        parameters = {"site": site, "room": room}
        async with self.http.get(f"{CONTROL}/inspector/look", params=parameters) as answer:
            assert answer.status == 200
            return {device["id"]: device for device in (await answer.json())["devices"]}

    async def recent(self, room: str, site: str = "newsite") -> list[tuple[str, dict[str, str]]]:
        """The last messages of a room: event, and the state of each device."""
        parameters = {"site": site, "room": room}
        async with self.http.get(f"{CONTROL}/inspector/recent", params=parameters) as answer:
            messages = (await answer.json())["messages"]
        return [
            (each["event"], {device["device"]: device["state"] for device in each["devices"]})
            for each in messages
        ]

    async def act(self, action: str, room: str, device: str, site: str = "newsite") -> str:
        fields = {"site": site, "room": room, "device": device, "action": action}
        answer = await self._post(f"{CONTROL}/inspector/act", data=fields)
        return str(answer["message"])

    async def send(self, message: dict[str, Any], site: str = "newsite") -> dict[str, Any]:
        return await self._post(f"{CONTROL}/sender/send?site={site}", data=json.dumps(message))

    async def progress(self, room: str, message_id: str, site: str = "newsite") -> list[str]:
        """How far the message is with each device."""
        parameters = {"site": site, "room": room, "id": message_id}
        async with self.http.get(f"{CONTROL}/sender/progress", params=parameters) as answer:
            return [each["state"] for each in await answer.json()]

    async def page(self, path: str) -> str:
        """The text of any page of the admin."""
        async with self.http.get(path) as answer:
            assert answer.status == 200
            return await answer.text()

    async def submit(self, path: str, fields: Mapping[str, str]) -> str:
        """Post a form of the admin; return the text of the page that it leads to."""
        token = {"csrfmiddlewaretoken": self.token}
        async with self.http.post(path, data={**fields, **token}) as answer:
            assert answer.status == 200
            return await answer.text()

    async def log_out(self) -> None:
        fields = {"csrfmiddlewaretoken": self.token}
        async with self.http.post("/admin/logout/", data=fields) as answer:
            assert answer.status == 200

    async def _post(self, path: str, data: object) -> dict[str, Any]:
        headers = {"X-CSRFToken": self.token}
        async with self.http.post(path, data=data, headers=headers) as answer:
            content: dict[str, Any] = await answer.json()
            assert answer.status == 200, content
            return content


@dataclass
class View:
    """A stream of figures as a browser gets it."""

    chunks: AsyncIterator[bytes]
    rest: bytes = b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Figures:
        while b"\n\n" not in self.rest:
            self.rest += await anext(self.chunks)
        event, _, self.rest = self.rest.partition(b"\n\n")
        figures: Figures = json.loads(event.removeprefix(b"data: "))
        return figures
