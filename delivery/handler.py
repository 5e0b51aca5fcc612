"""Django's ASGI handler, made sure of one thing: no request's headers can crash it.

Django reads the query and `Content-Type` before any middleware or view runs; what
it raises there would leave as the server's own 500. For the ASGI application.
"""

from collections.abc import Mapping
from typing import IO, Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponseBase

from delivery.answers import error_answer

Created = tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]


class Handler(ASGIHandler):
    def create_request(self, scope: Mapping[str, Any], body_file: IO[bytes]) -> Created:
        """Answer 400 where Django cannot make a request.

        That is a query with bytes that are no UTF-8, and a `Content-Type` with encoded
        parameters that cannot be read, such as `charset*=bogus''x` or `a*0=1;a*=2`.
        """
        try:
            request, _ = super().create_request(scope, body_file)
        except (ValueError, TypeError):
            request = None
        if request is None:
            message = "The query or the Content-Type header cannot be read."
            return None, error_answer(400, "invalid_request", message)
        return request, None
