"""The head of a `/send` that came before on its connection: what was read from it once.

A site's backend keeps its connections, and begins each request on one of them with the same
bytes, but for the length of its body. Those need not be parsed again, and what follows from them
alone need not be worked out again. Below `http_connection`; imports nothing of the project.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self, TypeVar

REQUEST = b"POST /send"
FACTS = "sioweb.facts"  # extension of an ASGI scope: a dict, for `once_per_head`
CONTENT_LENGTH = b"content-length"
END = b"\r\n\r\n"
MAX_BYTES = 4096  # of a head that is kept, once per connection
MAX_DIGITS = 9  # of a Content-Length

Scope = dict[str, Any]
T = TypeVar("T")
U = TypeVar("U")


class KnownHead(NamedTuple):
    before: bytes  # up to the digits of Content-Length
    behind: bytes  # what follows them, up to the body
    scope: Scope  # of ASGI, as it was
    place: int  # of Content-Length among its headers

    @classmethod
    def of(cls, request: bytes, scope: Mapping[str, Any]) -> Self | None:
        """Keep the head of a request that came in one read, and was found to be all of it; None =
        it cannot be told byte by byte how long the body of another one would be."""
        if not request.startswith(REQUEST):
            return None
        end = request.find(END, 0, MAX_BYTES) + len(END)
        head, headers = request[:end], scope["headers"]
        lines, names = head.split(b"\r\n"), [name for name, _ in headers]
        if names.count(CONTENT_LENGTH) != 1 or b"expect" in names:
            return None
        if len(lines) != len(headers) + 3:  # that of the request, and two ends
            return None
        place = names.index(CONTENT_LENGTH)
        length = headers[place][1]
        if len(request) != end + int(length):
            return None
        digits_end = len(b"\r\n".join(lines[: place + 2]))
        before, behind = head[: digits_end - len(length)], head[digits_end:]
        extensions = {**scope["extensions"], FACTS: {}}
        return cls(before, behind, {**scope, "extensions": extensions}, place)

    def read(self, request: bytes) -> tuple[Scope, bytes] | None:
        """Return scope and body of a request that has this head and has come as a whole."""
        start = len(self.before)
        digits_end = request.find(b"\r", start, start + MAX_DIGITS + 1)
        digits = request[start:digits_end]
        if not (
            request.startswith(self.before)
            and request.startswith(self.behind, digits_end)
            and digits.isdigit()
        ):
            return None
        body = request[digits_end + len(self.behind) :]
        if len(body) != int(digits):
            return None
        headers = self.scope["headers"].copy()
        headers[self.place] = (CONTENT_LENGTH, digits)
        return {**self.scope, "headers": headers, "state": self.scope["state"].copy()}, body


def facts_of(scope: Mapping[str, Any]) -> dict[Any, Any]:
    """Return what has been found out from the head of this request, for who looks again; an empty
    dict where that is read for the first time."""
    found: dict[Any, Any] = scope.get("extensions", {}).get(FACTS, {})
    return found


def once_per_head(scope: Mapping[str, Any], read: Callable[[T], U], argument: T) -> U:
    """Return `read(argument)`, or what it returned for the same head before: that must depend on
    nothing else, and not on how long the body is. Nobody changes it."""
    facts = facts_of(scope)
    if read not in facts:
        facts[read] = read(argument)
    found: U = facts[read]
    return found
