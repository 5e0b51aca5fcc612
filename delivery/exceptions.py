"""What can go wrong on the way of a message, by name.

The base of the package: imports nothing of it.
"""

from collections.abc import Mapping
from math import ceil


class DeliveryError(Exception):
    """A message could not be taken or delivered."""


class InvalidRequest(DeliveryError):
    """The sender's fault; its parts are the answer that the sender gets."""

    headers: Mapping[str, str] = {}

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def content(self) -> dict[str, object]:
        return {"ok": False, "error": {"code": self.code, "message": self.message}}


class LimitReached(InvalidRequest):
    """Too much of something that may come again later."""

    def __init__(
        self,
        code: str,
        message: str,
        wait_seconds: float,
        headers: Mapping[str, str] | None = None,
        *,
        status: int = 429,
    ) -> None:
        super().__init__(status, code, message)
        self.headers = {"Retry-After": str(max(1, ceil(wait_seconds))), **(headers or {})}


class RedisUnavailable(DeliveryError):
    """Redis is out of reach, does not answer in time, or cannot write now: try again later."""


class BackplaneUnavailable(DeliveryError):
    """The Channels layer is out of reach or does not answer in time."""


class MetricsUnavailable(DeliveryError):
    """The port for metrics cannot be listened on."""


class AuthRefused(DeliveryError):
    """The client may not connect; the text is what it is told, and `code` with it: the status of
    the site's answer, or what it would be here; None = the site was not asked."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class AuthUrlDenied(AuthRefused):
    """The site's authUrl is at an address that the configuration denies."""


class OriginRefused(AuthRefused):
    """The site has not allowed the page that wants to connect."""


class TooManyClients(AuthRefused):
    """The site, or the user, has as many clients as it may."""


class TooFast(DeliveryError):
    """More want to connect in a second than may: the client shall try again."""


class AuthUnavailable(DeliveryError):
    """The site gave no definite answer in time: the client shall try again."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code  # the site's status, if it answered at all


class UpdateFailed(DeliveryError):
    """A site has not taken in that a user came or went; a definite failure is final."""

    def __init__(self, text: str, *, is_definite: bool) -> None:
        super().__init__(text)
        self.is_definite = is_definite
