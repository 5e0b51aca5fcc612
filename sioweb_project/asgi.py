"""ASGI: Socket.IO under its path, Django and its static files beside it.

What daphne and uvicorn serve. The service of the event loop is made with the
first call; `manage.py serve` has started it by then.
"""

import os
import re
from functools import lru_cache
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sioweb_project.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

from delivery.counters import ALL_SITES  # noqa: E402
from delivery.exceptions import InvalidRequest  # noqa: E402
from delivery.handler import DirectHandler, Handler  # noqa: E402
from delivery.service import service  # noqa: E402
from delivery.turning_away import turn_away  # noqa: E402

Scope = dict[str, Any]

SOCKETIO_PATH = settings.CONFIG.io.path.rstrip("/")
QUERY_BYTES = settings.CONFIG.limits.query_bytes
LONG_QUERY = InvalidRequest(414, "query_too_long", "The query of the URL is too long.")

django_application = Handler()
direct_application = DirectHandler()
DIRECT_PATHS = re.compile(
    r"/(send(/batch)?|messages/[^/]+|disconnect|presence|healthcheck|readyz|metrics"
    r"|openapi\.yaml)/?"
)


async def application(scope: Scope, receive: Any, send: Any) -> None:
    """Route one connection by its path."""
    if len(scope.get("query_string", b"")) > QUERY_BYTES:
        service().counters.of(ALL_SITES).limited["size"] += 1
        refuse = service().server.turn_away if _is_socketio(scope["path"]) else turn_away
        await refuse(scope, receive, send, LONG_QUERY)
        return
    if scope["type"] == "http" and _is_direct(scope["path"]):
        await direct_application(scope, receive, send)
    elif scope["type"] in ("http", "websocket") and _is_socketio(scope["path"]):
        await service().server.handle(scope, receive, send)
    elif scope["type"] == "http":
        await django_application(scope, receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})


@lru_cache(maxsize=256)
def _is_direct(path: str) -> bool:
    return DIRECT_PATHS.fullmatch(path) is not None and not _is_socketio(path)


def _is_socketio(path: str) -> bool:
    return path == SOCKETIO_PATH or path.startswith(f"{SOCKETIO_PATH}/")
