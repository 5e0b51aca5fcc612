"""API keys as text: making one, its digest, and the part of it that may be shown.

The text of a key exists only here, in the request that brings it, for as long as its
connection lives, and in sites.yml; the database holds digests. Imports nothing of the project.
"""

import hashlib
import hmac
import secrets
from functools import lru_cache

from django.conf import settings

KEY_BYTES = 32
SALT = "sites.ApiKey"  # keeps these digests apart from Django's other uses of SECRET_KEY
SHOWN_AT_MOST = 4
SHOWN_PART = 4  # one character of each four, so that a short key is not given away


def make_key() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def digest_key(key: str) -> bytes:
    """Return the HMAC-SHA256 of a key. Another SECRET_KEY makes every stored digest useless.

    Lone surrogates, which a request may hold, are digested rather than an error.
    """
    digest = _begin(settings.SECRET_KEY).copy()
    digest.update(key.encode("utf-8", "surrogatepass"))
    return digest.digest()


@lru_cache(maxsize=1)
def _begin(secret_key: str) -> hmac.HMAC:
    """With the key that Django's `salted_hmac` derives, which does it anew for each digest."""
    derived = hashlib.sha256(f"{SALT}{secret_key}".encode()).digest()
    return hmac.new(derived, digestmod="sha256")


def show_start(key: str) -> str:
    """Return the first characters of a key, by which people tell keys apart.

    >>> show_start("h6FbIyvmPBsZc0sVwSgD"), show_start("54321"), show_start("abc")
    ('h6Fb', '5', '')
    """
    return key[: min(SHOWN_AT_MOST, len(key) // SHOWN_PART)]
