"""The Lua scripts of queues, statistics, limits and receipts: what each is made of, and its name.

Below redis_client; imports nothing of the project.
"""

import hashlib
from pathlib import Path

LUA_DIR = Path(__file__).parent / "lua"
SCRIPT_FILES = {
    "append": ("common", "append", "each", "append_each"),
    "append_once": ("common", "append", "append_once"),
    "know": ("common", "lease", "known", "know"),
    "open": ("common", "lost", "lease", "known", "backlog", "open"),
    "read": ("common", "lost", "backlog", "read"),
    "acknowledge": ("common", "order", "each", "acknowledge"),
    "take_resync": ("common", "take_resync"),
    "renew": ("common", "lost", "lease", "renew"),
    "release": ("common", "lease", "release"),
    "clear": ("common", "clear"),
    "inspect": ("common", "inspect"),
    "presence": ("common", "presence"),
    "text": ("common", "text"),
    "progress": ("common", "progress"),
    "trace": ("common", "trace"),
    "request_resync": ("common", "request_resync"),
    "claim": ("claim",),
    "settle": ("settle",),
    "generator": ("generator",),
    "note_users": ("users", "note_users"),
    "take_users": ("users", "take_users"),
    "settle_users": ("users", "settle_users"),
    "take": ("take",),
    "record": ("statistics", "record"),
    "leave": ("statistics", "leave"),
    "figures": ("statistics", "figures"),
    "present": ("statistics", "present"),
    "note": ("note",),
    "noted": ("noted",),
    "recent": ("recent",),
}

# Those that each.lua runs for several rooms in one command.
IN_EACH_ROOM = frozenset(name for name, parts in SCRIPT_FILES.items() if "each" in parts)


def _read_source(name: str) -> str:
    return "".join((LUA_DIR / f"{part}.lua").read_text() for part in SCRIPT_FILES[name])


def _sha(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


SOURCES = {name: _read_source(name) for name in SCRIPT_FILES}
SHAS = {name: _sha(source) for name, source in SOURCES.items()}
