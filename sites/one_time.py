"""Hands a new key from the form that made it to the page that shows it, once.

The form answers with a redirect, so that no reload makes another key. Between the two
requests, which any process may answer, the key is in the browser's cookie, encrypted; what
decrypts it is in the session, and deleted with the first look. Neither alone tells the key.
"""

import base64
import json
import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

NAME = "new_key"  # of the cookie, and in the session
SALT = "sites.one_time"
SECONDS = 60  # from one page to the next


def hand_over(request: HttpRequest, response: HttpResponse, content: dict[str, str]) -> None:
    secret = secrets.token_urlsafe()
    request.session[NAME] = secret
    response.set_cookie(
        NAME,
        _cipher(secret).encrypt(json.dumps(content).encode()).decode(),
        max_age=SECONDS,
        path=response["Location"],
        secure=request.is_secure() or settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def take(request: HttpRequest) -> dict[str, str] | None:
    """Return what was handed over to this page; None = nothing, or somebody has seen it."""
    secret = request.session.pop(NAME, None)
    if not secret:
        return None
    try:
        text = _cipher(secret).decrypt(request.COOKIES.get(NAME, "").encode(), ttl=SECONDS)
    except InvalidToken:
        return None
    content: dict[str, str] = json.loads(text)
    return content


def forget(request: HttpRequest, response: HttpResponse) -> None:
    response.delete_cookie(NAME, path=request.path, samesite="Strict")


def _cipher(secret: str) -> Fernet:
    digest = salted_hmac(SALT, secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(digest))
