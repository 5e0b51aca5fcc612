"""The floor of the stack: the same work done by Django, Channels, daphne and python-socketio.

Each is used as its documentation says, and nothing of the service is around them: an async
view without middleware, a channel layer of Redis pub/sub, `AsyncServer` in ASGI mode. What a
good Django developer would write instead, as `peer.js` is what a good Node developer would;
it promises as little. `floor.py` is the floor of the language, this one that of the libraries.

Here is what Django and daphne do; `stack_delivery` is behind the views.
Run by `make bench BENCH="--floor stack --only durable send batch"`.
"""

import asyncio
import os
import sys
from http import HTTPStatus
from typing import Any

import django
import orjson
import socketio
from daphne.server import Server, twisted_loop
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_POST

from tests.bench.servers import SITE
from tests.bench.stack_delivery import Delivery, read_message

BACKLOG = 8192  # connections, as the others have
REFUSED_KEY = {"ok": False, "error": {"code": "invalid_api_key"}}
REFUSED_MESSAGE = {"ok": False, "error": {"code": "invalid_message", "message": "rooms or event"}}

urlpatterns: list[URLPattern] = []  # `main` puts them there, when there is a delivery


def main() -> None:
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
    }
    settings.configure(ROOT_URLCONF=__name__, MIDDLEWARE=[], CHANNEL_LAYERS={"default": layer})
    django.setup()
    delivery = Delivery(os.environ["REDIS_URL"], os.environ["AUTH_URL"])
    urlpatterns.extend(patterns_of(delivery, os.environ["API_KEY"]))
    port = os.environ.get("PORT", "0")
    server = Server(
        socketio.ASGIApp(delivery.sio, get_asgi_application()),
        endpoints=[f"tcp:port={port}:interface=127.0.0.1:backlog={BACKLOG}"],
    )
    running = twisted_loop.create_task(run(delivery, server))
    running.add_done_callback(lambda _: server.stop())  # not without its tasks
    server.run()


async def run(delivery: Delivery, server: Server) -> None:
    """Say where the server listens once it hears what is announced; run until cancelled."""
    async with delivery.prepared(), asyncio.TaskGroup() as tasks:
        tasks.create_task(delivery.hear())
        tasks.create_task(delivery.forget_acked())
        host, port = server.listening_addresses[0]
        sys.stdout.write(f"Listening on http://{host}:{port}\n")
        sys.stdout.flush()


def patterns_of(delivery: Delivery, api_key: str) -> list[URLPattern]:
    def is_known(request: HttpRequest) -> bool:
        given = request.GET.get("apiKey", "")
        return request.GET.get("site") == SITE and constant_time_compare(given, api_key)

    @require_POST
    async def send(request: HttpRequest) -> HttpResponse:
        if not is_known(request):
            return answer(REFUSED_KEY, HTTPStatus.UNAUTHORIZED)
        message = read_message(content_of(request))
        if message is None:
            return answer(REFUSED_MESSAGE, HTTPStatus.BAD_REQUEST)
        await delivery.send([message])
        return answer(message.receipt())

    @require_POST
    async def send_batch(request: HttpRequest) -> HttpResponse:
        if not is_known(request):
            return answer(REFUSED_KEY, HTTPStatus.UNAUTHORIZED)
        contents = content_of(request)
        if not isinstance(contents, list):
            return answer(REFUSED_MESSAGE, HTTPStatus.BAD_REQUEST)
        read = [read_message(content) for content in contents]
        await delivery.send([message for message in read if message])
        return answer([message.receipt() if message else REFUSED_MESSAGE for message in read])

    return [path("send", send), path("send/batch", send_batch)]


def content_of(request: HttpRequest) -> Any:
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None


def answer(content: object, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), status=status, content_type="application/json")


if __name__ == "__main__":
    main()
