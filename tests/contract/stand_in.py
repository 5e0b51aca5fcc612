"""Another server that keeps the contract, in as few lines as that takes: one site, one process,
everything in memory.

It proves that the suite is about the contract and not about this service; and, with a `Fault`,
that the suite finds what it is there to find.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import socketio
from aiohttp import ClientSession, web

from tests.contract.stand_in_requests import (
    Refused,
    read_body,
    read_flag,
    read_message,
    read_rooms,
)

Fault = Literal[
    "accepts any key",
    "answers as Node did",
    "asks for no ack",
    "asks nobody",
    "forgets one",
    "ignores acks",
    "mixes up order",
    "sends two copies",
    "shows all to all",
    "takes false for true",
    "",
]
Device = tuple[str, str]  # user room, deviceId
BATCH_MESSAGES = 500
RETRY_SECONDS = 0.05
LEAVE_SECONDS = 0.1  # for clients that are still there at the end; to aiohttp, 0 is for ever


@dataclass(eq=False)
class Message:
    id: str
    texts: list[Any]  # [event, ...args]
    resync: bool


@dataclass
class Socket:
    sid: str
    device: str
    rooms: list[str]
    user_rooms: list[str]


@dataclass
class StandIn:
    site: str
    key: str
    auth_url: str
    fault: Fault
    http: ClientSession
    queues: dict[Device, list[Message]] = field(default_factory=dict)
    sockets: dict[str, Socket] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)  # by Idempotency-Key
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(time.time_ns()))
    io: Any = field(
        default_factory=lambda: socketio.AsyncServer(
            async_mode="aiohttp", namespaces="*", cors_allowed_origins="*"
        )
    )

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**20)
        self.io.attach(app)
        self.io.on("connect", self.on_connect, namespace="*")
        self.io.on("disconnect", self.on_disconnect, namespace="*")
        app.router.add_post("/send", self.on_send)
        app.router.add_post("/send/batch", self.on_send)
        app.router.add_get("/healthcheck", self.on_healthcheck)
        app.router.add_get("/readyz", self.on_readyz)
        return app

    async def on_connect(
        self, namespace: str, sid: str, environ: dict[str, Any], auth: dict[str, str] | None
    ) -> None:
        if namespace != f"/{self.site}":
            raise socketio.exceptions.ConnectionRefusedError("Invalid namespace")
        given = dict(environ["aiohttp.request"].query) | (auth or {})
        rooms = [] if self.fault == "asks nobody" else await self._ask(given.get("token", ""))
        user_rooms = [room for room in rooms if room.startswith("user_")]
        socket = Socket(sid, given.get("deviceId", ""), rooms, user_rooms)
        self.sockets[sid] = socket
        # Once connect() has returned the client is told that it is connected; not before.
        self.io.start_background_task(self._catch_up, socket)

    async def on_disconnect(self, namespace: str, sid: str, reason: str) -> None:
        self.sockets.pop(sid, None)

    async def _ask(self, token: str) -> list[str]:
        if not token:
            raise socketio.exceptions.ConnectionRefusedError("Authentication failed")
        headers = {"Authorization": f"Bearer {token}"}
        while True:
            async with self.http.get(self.auth_url, headers=headers) as response:
                if response.status < 500:
                    return read_rooms(response.status, await response.text())
            await asyncio.sleep(RETRY_SECONDS)

    async def _catch_up(self, socket: Socket) -> None:
        for room in socket.user_rooms:
            queue = self._queue_of((room, socket.device))
            while queue and socket.sid in self.sockets:
                waiting = queue[:BATCH_MESSAGES]
                done = asyncio.Event()
                texts = [message.texts for message in waiting]
                if self.fault == "mixes up order":
                    texts.reverse()
                await self._emit(socket, ["batch", texts], lambda *_: done.set())  # noqa: B023
                await done.wait()
                queue[:] = [message for message in queue if message not in waiting]

    def _queue_of(self, device: Device) -> list[Message]:
        """Adopt what waits for a user that was never seen."""
        room, _ = device
        if device not in self.queues:
            is_first = {each for each in self.queues if each[0] == room} <= {(room, "")}
            self.queues[device] = self.queues.pop((room, ""), []) if is_first else []
        if self.fault == "forgets one":
            del self.queues[device][:1]
        return self.queues[device]

    async def on_send(self, request: web.Request) -> web.Response:
        try:
            self._check_key(request)
            body = await read_body(request)
            is_resync = read_flag(request.query.get("resync", "false"))
        except Refused as refused:
            return _answer(refused.status, refused.content)
        key = request.headers.get("Idempotency-Key")
        if key is None or key not in self.answers:
            answer = await self._send_all(body, is_resync, is_list=request.path != "/send")
            self.answers[key or ""] = answer
        status, content = self.answers[key or ""]
        return web.Response(text="OK") if self._is_like_node(status) else _answer(status, content)

    def _is_like_node(self, status: int) -> bool:
        return self.fault == "answers as Node did" and status == 200

    def _check_key(self, request: web.Request) -> None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        key = request.query.get("apiKey") or request.headers.get("X-Api-Key") or bearer
        if not (key and request.query.get("site")):
            message = "Missing query param 'site' or 'apiKey'."
            raise Refused(400, "missing_credentials", message)
        is_right = (request.query["site"], key) == (self.site, self.key)
        if not (is_right or self.fault == "accepts any key"):
            raise Refused(401, "invalid_api_key", "ApiKey invalid.")

    async def _send_all(self, body: Any, is_resync: bool, *, is_list: bool) -> tuple[int, Any]:
        answers = [
            await self._try_to_send(each, is_resync) for each in (body if is_list else [body])
        ]
        return (200, [content for _, content in answers]) if is_list else answers[0]

    async def _try_to_send(self, fields: Any, is_resync: bool) -> tuple[int, Any]:
        try:
            rooms, texts = read_message(fields)
        except Refused as refused:
            return refused.status, refused.content
        message = Message(
            str(next(self.ids)), texts, is_resync or self.fault == "takes false for true"
        )
        user_rooms = [room for room in rooms if room.startswith("user_")]
        for room in user_rooms:
            self._store(room, message)
        for socket in list(self.sockets.values()):
            await self._deliver(socket, rooms, message)
        counts = {"queued": len(user_rooms), "broadcast": len(rooms) - len(user_rooms)}
        return 200, {"ok": True, "id": message.id} | counts

    def _store(self, room: str, message: Message) -> None:
        known = [device for device in self.queues if device[0] == room] or [(room, "")]
        for device in known:
            self.queues.setdefault(device, []).append(message)

    async def _deliver(self, socket: Socket, rooms: list[str], message: Message) -> None:
        stored = [room for room in socket.user_rooms if room in rooms]
        is_heard = set(socket.rooms) & set(rooms) or self.fault == "shows all to all"
        if stored and self.fault != "asks for no ack":
            device = (stored[0], socket.device)
            await self._emit(socket, message.texts, lambda *_: self._on_ack(device, message))
            if self.fault == "sends two copies":
                await self._emit(socket, message.texts)
        elif is_heard:
            await self._emit(socket, message.texts)

    async def _on_ack(self, device: Device, message: Message) -> None:
        queue = self.queues[device]
        if message not in queue or self.fault == "ignores acks":
            return
        first = next(each for each in queue if each.texts[0] == message.texts[0])
        queue.remove(message)
        if message.resync and first is not message:
            queue.clear()
            for socket in list(self.sockets.values()):
                if device[0] in socket.user_rooms and device[1] == socket.device:
                    await self._emit(socket, ["resync", {"reason": "out_of_order"}])

    async def _emit(self, socket: Socket, texts: list[Any], callback: Any = None) -> None:
        event, *args = texts
        namespace = f"/{self.site}"
        await self.io.emit(
            event, tuple(args), to=socket.sid, namespace=namespace, callback=callback
        )

    async def on_healthcheck(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def on_readyz(self, request: web.Request) -> web.Response:
        return _answer(200, dict.fromkeys(("redis", "database", "backplane"), "ok"))


@asynccontextmanager
async def stand_in(site: str, key: str, auth_url: str, fault: Fault = "") -> AsyncIterator[str]:
    """The URL of one that runs in this process."""
    async with ClientSession() as http:
        server = StandIn(site, key, auth_url, fault, http)
        runner = web.AppRunner(
            server.application(), access_log=None, shutdown_timeout=LEAVE_SECONDS
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await server.io.shutdown()
            await runner.cleanup()


def _answer(status: int, content: Any) -> web.Response:
    return web.json_response(content, status=status)
