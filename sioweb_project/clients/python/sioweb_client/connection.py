"""A connection that stays open between calls, and what its answers mean."""

import http.client
import json
import ssl
from typing import Any

REPEATED = {429, 502, 503, 504}  # 502 and 504 are a proxy's, while the service restarts
Answer = tuple[int, str, bytes]  # status, Retry-After, body


class SendError(Exception):
    """`status` of the answer, None = there was none; `code` and `message` as in docs/http.md."""

    def __init__(self, status: int | None, code: str, message: str, retry_after: str = "") -> None:
        super().__init__(f"{status or 'no answer'}, {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.retry_after = float(retry_after) if retry_after.isdecimal() else 0.0  # seconds


class Refused(SendError):
    """The call is wrong; made again it would be refused again."""


class Unavailable(SendError):
    """No answer, or one to come again, until the time was over."""


def call(
    connection: http.client.HTTPConnection, method: str, target: str, body: Any, headers: Any
) -> Any:
    """Return the JSON of the answer. Raises Unavailable, Refused."""
    is_first = connection.sock is None
    try:
        try:
            answer = _attempt(connection, method, target, body, headers)
        except ConnectionError:
            if is_first:
                raise
            # Closed by the other side while it was idle, as every server does after a while.
            answer = _attempt(connection, method, target, body, headers)
    except ssl.SSLCertVerificationError as error:
        raise Refused(None, "certificate", error.verify_message) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(None, "unreachable", str(error) or type(error).__name__) from error
    return _read(*answer)


def _attempt(connection: http.client.HTTPConnection, *request: Any) -> Answer:
    try:
        connection.request(*request)
        response = connection.getresponse()
        return response.status, response.headers.get("Retry-After", ""), response.read()
    except BaseException:
        connection.close()  # what is still to come must not be taken for the next answer
        raise


def _read(status: int, retry_after: str, body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status == http.client.OK and answer is not None:
        return answer
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        error = {"code": "no_json", "message": "not this service's answer; is the URL right?"}
    kind = Unavailable if status in REPEATED else Refused
    raise kind(status, str(error.get("code")), str(error.get("message")), retry_after)
