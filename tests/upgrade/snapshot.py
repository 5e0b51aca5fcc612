"""All of a Redis as JSON that people can read, and its way back into a Redis at a later time.

A key is `{"key", "type", "ttl_ms", "value"}`. The value of a string is a text, or a list of
numbers where it is a row of big-endian u32; of a list `[text, ...]`; of a hash
`{field: text}`; of a zset `[[member, score], ...]`. Imports nothing of the project.
"""

import json
import re
import struct
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from redis.asyncio import Redis

WEEK_MS = 7 * 86_400_000
# A number that stands alone and has as many digits as a time in seconds or in ms.
TIME = re.compile(r"(?<![\w.])(?:\d{10}|\d{13})(?![\w.])")
BUCKET = re.compile(r"(?<=:v2:)(?P<step>\d+):(?P<start>\d+)")
HEX = re.compile(r"(?<![a-zA-Z0-9])[0-9a-f]{16,}(?![a-zA-Z0-9])")
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Snapshot:
    version: str  # that wrote it
    taken_ms: int  # since 1970
    messages: dict[str, str]  # what the scenario calls them -> id
    keys: list[dict[str, Any]]

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text()))

    def save(self, path: Path) -> None:
        """Write it with a line for each key."""
        head = {name: value for name, value in asdict(self).items() if name != "keys"}
        lines = ",\n".join(_to_json(key) for key in self.keys)
        path.write_text(f'{_to_json(head)[:-1]}, "keys": [\n{lines}\n]}}\n')

    def moved(self, prefix: str, now_ms: int | None = None) -> list[dict[str, Any]]:
        """Return the keys under another prefix, as if the snapshot had been taken now."""
        by_ms = (now_ms or int(time.time() * 1000)) - self.taken_ms
        keys: list[dict[str, Any]] = self._move(self.keys, by_ms)
        for each in keys:
            name = BUCKET.sub(_to_its_start, each["key"])
            each["key"] = f"{prefix}:{name.partition(':')[2]}"
        return keys

    def shapes(self) -> set[str]:
        """Return what was written, a line for each part of each key, without what is another
        each time: numbers are 0, and what is random is x."""
        return {
            f"{each['type']} {_shape(each['key'])}{_shape(part)}"
            for each in self.keys
            for part in _parts(each["value"])
        }

    def _move(self, value: Any, by_ms: int) -> Any:
        if isinstance(value, list):
            return [self._move(each, by_ms) for each in value]
        if isinstance(value, dict):
            return {self._move(k, by_ms): self._move(v, by_ms) for k, v in value.items()}
        if isinstance(value, int):
            return int(self._move(str(value), by_ms))
        return TIME.sub(lambda found: self._move_time(found[0], by_ms), value)

    def _move_time(self, digits: str, by_ms: int) -> str:
        unit = 1000 if len(digits) == 10 else 1
        if abs(int(digits) * unit - self.taken_ms) > WEEK_MS:
            return digits
        return str(int(digits) + by_ms // unit)


async def read_keys(redis: "Redis") -> list[dict[str, Any]]:
    """Return all keys in the order of their names. `redis` answers with bytes."""
    client: Any = redis  # whose answers are typed as texts or bytes
    return [await _read_key(client, name) for name in sorted(await client.keys("*"))]


async def write_keys(redis: "Redis", keys: Iterable[dict[str, Any]]) -> None:
    async with redis.pipeline(transaction=True) as pipeline:
        for each in keys:
            name, value = each["key"], each["value"]
            match each["type"]:
                case "string":
                    pipeline.set(name, _to_bytes(value))
                case "list":
                    pipeline.rpush(name, *value)
                case "hash":
                    pipeline.hset(name, mapping=value)
                case "zset":
                    pipeline.zadd(name, dict(value))
            if each["ttl_ms"] >= 0:
                pipeline.pexpire(name, each["ttl_ms"])
        await pipeline.execute()


async def _read_key(redis: Any, name: bytes) -> dict[str, Any]:
    kind = (await redis.type(name)).decode()
    value: Any
    match kind:
        case "string":
            value = _to_text(await redis.get(name) or b"")
        case "list":
            value = [each.decode() for each in await redis.lrange(name, 0, -1)]
        case "hash":
            fields = await redis.hgetall(name)
            value = {field.decode(): fields[field].decode() for field in sorted(fields)}
        case "zset":
            members = await redis.zrange(name, 0, -1, withscores=True)
            value = [[member.decode(), int(score)] for member, score in members]
        case _:
            raise ValueError(f"{name!r} is a {kind}, of which the recorder knows nothing")
    return {"key": name.decode(), "type": kind, "ttl_ms": await redis.pttl(name), "value": value}


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _to_text(stored: bytes) -> str | list[int]:
    if b"\0" not in stored:
        return stored.decode()
    return list(struct.unpack(f">{len(stored) // 4}I", stored))


def _to_bytes(value: str | list[int]) -> bytes:
    return value.encode() if isinstance(value, str) else struct.pack(f">{len(value)}I", *value)


def _to_its_start(found: re.Match[str]) -> str:
    """
    >>> BUCKET.sub(_to_its_start, "sioweb:{statistics}:v2:60:1800000059:newsite")
    'sioweb:{statistics}:v2:60:1800000000:newsite'
    """
    step, start = int(found["step"]), int(found["start"])
    return f"{step}:{start - start % step}"


def _parts(value: Any) -> list[str]:
    """Of a hash its fields, of a text its lines, of counts nothing: which there are depends on
    how long things took."""
    if isinstance(value, dict):
        return [f" {field}: {text}" for field, text in value.items()]
    if isinstance(value, str):
        return [f" {line}" for line in value.splitlines()]
    if value and isinstance(value[0], int):
        return [" counts"]
    return [f" {each}" for each in value]


def _shape(text: str) -> str:
    """
    >>> _shape("sioweb:{newsite/user_12}:once:0fc89f8ae19394b48debd6353bb9ad33")
    'sioweb:{newsite/user_0}:once:x'
    """
    return NUMBER.sub("0", HEX.sub("x", text))
