"""Attacks with the head of a request: long ones, slow ones, and such as two readers read apart."""

from tests.attacks.attack import attack
from tests.attacks.target import HOST, KEY, OWN, Target, request

LONG = "x" * 20_000
HEAD_LIMIT = "`header_bytes` (16 KiB): 431, and the connection is closed"
READER = "one strict reader of requests; what two might read apart is no request"


@attack("431", stopped_by=HEAD_LIMIT)
async def long_header(target: Target) -> str:
    """A header of 20,000 characters."""
    return await target.ask(request("GET", "/healthcheck", {"X-Long": LONG}))


@attack("431", stopped_by=HEAD_LIMIT)
async def many_headers(target: Target) -> str:
    """2,000 headers."""
    return await target.ask(
        request("GET", "/healthcheck", {f"X-{i}": "x" * 10 for i in range(2000)})
    )


@attack("431", stopped_by=HEAD_LIMIT)
async def long_path(target: Target) -> str:
    """A path of 20,000 characters."""
    return await target.ask(request("GET", f"/{LONG}"))


@attack("431", stopped_by=HEAD_LIMIT)
async def long_query(target: Target) -> str:
    """A query of 20,000 characters, at `/send`."""
    return await target.ask(request("POST", f"/send?site={LONG}"))


@attack("400", stopped_by="at most 100 parameters of a query are read")
async def many_parameters(target: Target) -> str:
    """A query of 3,000 parameters."""
    return await target.ask(
        request("POST", f"/send?site={OWN}" + "&a=b" * 3000, {"X-Api-Key": KEY})
    )


@attack("431", "closed", stopped_by=HEAD_LIMIT)
async def endless_head(target: Target) -> str:
    """Headers that never end."""
    return await target.flood(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 500, 16 << 20)


@attack("431", "closed", stopped_by=HEAD_LIMIT)
async def endless_line(target: Target) -> str:
    """A request line that never ends."""
    return await target.flood(b"GET /", b"x" * 4096, 16 << 20)


@attack("400", stopped_by=READER)
async def length_and_chunks(target: Target) -> str:
    """`Content-Length` and `Transfer-Encoding` together, with a second request in the body."""
    hidden = request("GET", "/admin/")
    head = f"POST /admin/login/ HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n"
    return await target.ask(
        f"{head}Content-Length: {len(hidden)}\r\n\r\n0\r\n\r\n".encode() + hidden
    )


@attack("400", stopped_by=READER)
async def length_and_chunks_at_send(target: Target) -> str:
    """The same at `/send`, which another reader reads."""
    head = f"POST /send?site={OWN} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n"
    return await target.ask(f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / ".encode())


@attack("400", stopped_by=READER)
async def two_lengths(target: Target) -> str:
    """Two `Content-Length` that differ."""
    path = "/admin/login/" if next(target.numbers) % 2 else "/send"
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nContent-Length: 2\r\n"
    return await target.ask(f"{head}\r\nab".encode())


@attack("400", "413", stopped_by=READER)
async def odd_length(target: Target) -> str:
    """A `Content-Length` that is negative, signed, hexadecimal, or too large for any number."""
    lengths = "-1", "+1", "0x10", "1,1", "1 1", "9" * 30
    length = lengths[next(target.numbers) % len(lengths)]
    return await target.ask(
        f"POST /disconnect HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n".encode()
    )


@attack("400", "501", stopped_by=READER)
async def odd_encoding(target: Target) -> str:
    """A `Transfer-Encoding` that only looks like chunked."""
    encodings = "xchunked", "chunked, identity", "gzip, chunked", "\x0bchunked", "chunked, chunked"
    encoding = encodings[next(target.numbers) % len(encodings)]
    path = "/admin/login/" if next(target.numbers) % 2 else "/send"
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: {encoding}\r\n"
    return await target.ask(f"{head}\r\n0\r\n\r\n".encode())


@attack(
    "400", "401", stopped_by="a folded line belongs to the header before it: no header is hidden"
)
async def folded_header(target: Target) -> str:
    """A header folded over two lines, the second of which looks like an API key."""
    head = f"POST /send?site={OWN} HTTP/1.1\r\nHost: {HOST}\r\nX-Api-Key: wrong\r\n"
    return await target.ask(f"{head} X-Api-Key: {KEY}\r\nContent-Length: 0\r\n\r\n".encode())


@attack("400", stopped_by=READER)
async def space_before_colon(target: Target) -> str:
    """`Content-Length : 5`, which some proxies drop and others believe."""
    path = "/admin/login/" if next(target.numbers) % 2 else "/send"
    return await target.ask(
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length : 5\r\n\r\nabcde".encode()
    )


@attack("400", stopped_by=READER)
async def control_characters_in_headers(target: Target) -> str:
    """NUL and bare CR in the value of a header."""
    path = b"/admin/login/" if next(target.numbers) % 2 else b"/send"
    value = (b"a\x00b", b"a\rX-Api-Key: b")[next(target.numbers) // 2 % 2]
    return await target.ask(
        b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nX-Odd: " + value + b"\r\n\r\n"
    )


@attack("400", "404", stopped_by="the path is matched as a whole: what has a host in it is no page")
async def absolute_uri(target: Target) -> str:
    """`GET http://169.254.169.254/latest/`, as a proxy would be asked."""
    return await target.ask(request("GET", "http://169.254.169.254/latest/meta-data/"))


@attack("400", "404", "405", "501", stopped_by="there is no such method")
async def odd_methods(target: Target) -> str:
    """CONNECT, TRACE, and methods that are none."""
    methods = "CONNECT", "TRACE", "DEBUG", "A" * 1000
    return await target.ask(request(methods[next(target.numbers) % len(methods)], "/send"))


@attack("400", stopped_by="`allowed_hosts`")
async def foreign_host(target: Target) -> str:
    """A `Host` that is not this service's, so that links in its pages lead elsewhere."""
    path = ("/admin/login/", "/", "/send", "/presence")[next(target.numbers) % 4]
    headers = {"Host": "evil.example", "X-Forwarded-Host": HOST}
    return await target.ask(request("GET", path, headers))


@attack("answered", stopped_by="each request is read when the one before it is answered")
async def pipelined_requests(target: Target) -> str:
    """1,000 requests in one write, on one connection."""
    one = f"GET /healthcheck HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    _, head, body = await target.fetch(one * 999 + request("GET", "/healthcheck"))
    return "answered" if (head + body).count(b"HTTP/1.1 200") >= 999 else "cut short"
