"""API keys as text: making one, its digest, and the part of it that may be shown.

The text of a key exists only here, in the request that brings it and in sites.yml;
the database holds digests. Imports nothing of the project.
"""

import secrets

from django.utils.crypto import salted_hmac

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
    return salted_hmac(SALT, key.encode("utf-8", "surrogatepass"), algorithm="sha256").digest()


def show_start(key: str) -> str:
    """Return the first characters of a key, by which people tell keys apart.

    >>> show_start("h6FbIyvmPBsZc0sVwSgD"), show_start("54321"), show_start("abc")
    ('h6Fb', '5', '')
    """
    return key[: min(SHOWN_AT_MOST, len(key) // SHOWN_PART)]
