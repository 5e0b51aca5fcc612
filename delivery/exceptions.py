"""What can go wrong on the way of a message, by name.

The base of the package: imports nothing of it.
"""


class DeliveryError(Exception):
    """A message could not be taken or delivered."""


class InvalidRequest(DeliveryError):
    """The sender's fault; its parts are the answer that the sender gets."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class RedisUnavailable(DeliveryError):
    """Redis is out of reach, does not answer in time, or cannot write now: try again later."""


class BackplaneUnavailable(DeliveryError):
    """The Channels layer is out of reach or does not answer in time."""


class MetricsUnavailable(DeliveryError):
    """The port for metrics cannot be listened on."""


class AuthRefused(DeliveryError):
    """The client may not connect; the text is what it is told, `code` the site's status if any."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class AuthUnavailable(DeliveryError):
    """The site gave no definite answer in time: the client shall try again."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code  # the site's status, if it answered at all
