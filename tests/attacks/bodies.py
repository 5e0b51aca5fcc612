"""Attacks with the body of a request, most by who has no key."""

import gzip
from functools import cache
from urllib.parse import quote

from tests.attacks.attack import attack
from tests.attacks.target import HOST, KEY, OWN, Target, request

MIB = 1024 * 1024
SEND = f"/send?site={OWN}"
FORM = "application/x-www-form-urlencoded"
BODY_LIMIT = "`send_body_limit` (1 MiB): 413 while it arrives"
PARSER = "the parser knows no such JSON: 400"
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


def head(path: str, headers: str, method: str = "POST") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Api-Key: {KEY}\r\n{headers}\r\n".encode()


@attack("413", stopped_by=BODY_LIMIT)
async def announced_gigabyte(target: Target) -> str:
    """`Content-Length: 1073741824` at `/send`, and as much of it as is taken."""
    start = head(SEND, f"Content-Length: {1 << 30}\r\nContent-Type: application/json\r\n")
    return await target.flood(start, b"x" * 65_536, 64 * MIB)


@attack("413", stopped_by=BODY_LIMIT)
async def endless_chunks(target: Target) -> str:
    """A chunked body without an end at `/send`."""
    return await target.flood(head(SEND, "Transfer-Encoding: chunked\r\n"), CHUNK, 64 * MIB)


@attack("413", stopped_by="the same bound for every other path")
async def endless_chunks_elsewhere(target: Target) -> str:
    """The same at the admin's login, at a path that does not exist, and at `/disconnect`."""
    path = ("/admin/login/", "/nowhere", "/disconnect")[next(target.numbers) % 3]
    return await target.flood(head(path, "Transfer-Encoding: chunked\r\n"), CHUNK, 64 * MIB)


@attack("413", stopped_by="the same bound for every other path")
async def endless_body_elsewhere(target: Target) -> str:
    """A gigabyte with its `Content-Length`, there and at Socket.IO's path."""
    paths = "/admin/login/", "/nowhere", "/presence", "/socket.io/?EIO=4&transport=polling&sid=x"
    start = head(paths[next(target.numbers) % 4], f"Content-Length: {1 << 30}\r\n")
    return await target.flood(start, b"x" * 65_536, 64 * MIB)


@attack("413", stopped_by="the same bound for every other path")
async def body_of_a_get(target: Target) -> str:
    """A GET with a body without an end."""
    start = head("/healthcheck", "Transfer-Encoding: chunked\r\n", "GET")
    return await target.flood(start, CHUNK, 64 * MIB)


@attack(
    "400",
    "413",
    "closed",
    "took 64 MiB",
    stopped_by="a bound on a chunk's own line; at `/send` it is read and kept nowhere",
)
async def chunk_extensions(target: Target) -> str:
    """A chunk whose extension never ends."""
    path = SEND if next(target.numbers) % 2 else "/admin/login/"
    start = head(path, "Transfer-Encoding: chunked\r\n") + b"1;"
    return await target.flood(start, b"x=y;" * 4096, 64 * MIB)


@attack("held", stopped_by="a connection that waits costs some kilobytes; one without a byte for "
        "60 s is closed", at_once=300, is_repeated=False)  # fmt: skip
async def slow_body(target: Target) -> str:
    """300 bodies at `/send` that come byte by byte."""
    async with target.connected() as (reader, writer):
        writer.write(head(SEND, "Content-Length: 1000\r\nContent-Type: application/json\r\n"))
        return await target.drip(reader, writer, b" ")


@attack("415", stopped_by="no encoded body is decoded")
async def gzip_bomb(target: Target) -> str:
    """64 MiB of zeros in 64 KiB of gzip."""
    return await target.post(SEND, _bomb(), headers={"Content-Encoding": "gzip"})


@attack("400", stopped_by="at most 1,024 levels are read: 400")
async def deep_json(target: Target) -> str:
    """100,000 brackets within each other."""
    return await target.post(SEND, b'{"rooms":"a","event":"e","args":' + b"[" * 100_000)


@attack("400", "200", stopped_by="no number grows past 64 bits or a double")
async def number_bombs(target: Target) -> str:
    """Numbers of 500,000 digits, and exponents past every range."""
    numbers = b"9" * 500_000, b"1e999999999", b"1e-999999999", b"0." + b"1" * 500_000, b"NaN"
    number = numbers[next(target.numbers) % len(numbers)]
    return await target.post(SEND, b'{"rooms":"a","event":"e","args":[' + number + b"]}")


@attack("400", stopped_by=PARSER)
async def lone_surrogates(target: Target) -> str:
    """Halves of characters, and bytes that are no UTF-8, in names and arguments."""
    parts = rb"\ud800", rb"\udfff\ud800", b"\xff\xfe", b"\xed\xa0\x80"
    part = parts[next(target.numbers) % len(parts)]
    return await target.post(SEND, b'{"rooms":"' + part + b'","event":"e"}')


@attack("400", stopped_by="keys are compared by a hash that nobody can foresee")
async def many_keys(target: Target) -> str:
    """An object with 60,000 keys and nothing else."""
    body = ",".join(f'"{i}":0' for i in range(60_000))
    return await target.post(SEND, b"{" + body.encode() + b"}")


@attack("413", stopped_by="at most 10,000 parameters")
async def form_with_many_keys(target: Target) -> str:
    """A form with 100,000 keys."""
    return await target.post(SEND, b"&".join(b"a%d=1" % i for i in range(100_000)), FORM)


@attack("400", "413", stopped_by="at most 32 brackets of a key, and 20,000 of all")
async def form_with_deep_brackets(target: Target) -> str:
    """Keys of 10,000 brackets, and 9,999 keys of 30."""
    bodies = (
        b"a" + b"[x]" * 10_000 + b"=1",
        b"&".join(b"a%d" % i + b"[x]" * 30 for i in range(9999)),
    )
    return await target.post(SEND, bodies[next(target.numbers) % 2], FORM)


@attack("400", stopped_by="there is no such thing as a prototype here")
async def form_with_prototypes(target: Target) -> str:
    """`__proto__[rooms]=x` and `constructor[prototype][rooms]=x`, which parsers of Node follow."""
    return await target.post(
        SEND, b"__proto__[rooms]=x&constructor[prototype][rooms]=x&event=e", FORM
    )


@attack("415", stopped_by="only JSON and plain forms are read")
async def other_types(target: Target) -> str:
    """Multipart with 10,000 parts, XML with entities, UTF-16, YAML."""
    kinds = {
        "multipart/form-data; boundary=x": b"--x\r\n\r\n" * 10_000,
        "application/xml": b'<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>',
        "application/json; charset=utf-16": b"\xff\xfe{\x00}\x00",
        "application/yaml": b"&a [*a]",
    }
    kind = list(kinds)[next(target.numbers) % len(kinds)]
    return await target.post(SEND, kinds[kind], kind)


@attack("400", stopped_by="the answer is JSON, and shows what was sent as JSON does")
async def script_in_errors(target: Target) -> str:
    """Markup in all that an error shows."""
    script = "<script>alert(1)</script>"
    body = f"rooms[{quote(script)}]=1&rooms={quote(script)}".encode()
    raw = request("POST", SEND, {"Content-Type": FORM, "X-Api-Key": KEY}, body)
    status, answer, _ = await target.fetch(raw)
    return status if b"application/json" in answer else "not JSON"


@cache
def _bomb() -> bytes:
    """Takes a while: not for whoever only reads this module."""
    return gzip.compress(bytes(64 * MIB))
