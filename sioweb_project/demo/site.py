"""The site `demo`: its row, its API key, its rooms.

The page connects to it, and the greeting's curl line sends to it. May import `sites`.
"""

import re
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.crypto import salted_hmac

from sites.models import ApiKey, Site

NAME = "demo"
DEFAULT_USER = "alice"
USER_ROOM_PREFIX = "user_"
SHARED_ROOMS = ("staff", "everyone")
AUTH_PATH = "/demo/rooms"
KEY_LABEL = "demo page"
KEY_SALT = "sioweb_project.demo"  # keeps the key apart from Django's other uses of SECRET_KEY
KEY_CHARACTERS = 32
USER_NAME = re.compile(r"[a-z0-9]{1,32}")
# Addresses to listen on, to the one that a browser on this machine can call.
REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104


class NameTaken(Exception):
    """A site of the developer's own has the name `demo`; it stays as it is."""


def api_key() -> str:
    """Return the demo's key: the same at each start, another one for each installation.

    It is derived from SECRET_KEY, as only the digest of a key is ever stored.
    """
    digest = salted_hmac(KEY_SALT, NAME, algorithm="sha256").hexdigest()
    return f"demo_{digest[:KEY_CHARACTERS]}"


def rooms_of(user: str) -> list[str] | None:
    """Return the rooms of a user; None when the name is none.

    >>> rooms_of("alice"), rooms_of("Alice?")
    (['user_alice', 'staff', 'everyone'], None)
    """
    if not USER_NAME.fullmatch(user):
        return None
    return [f"{USER_ROOM_PREFIX}{user}", *SHARED_ROOMS]


def refresh_site(base_url: str) -> None:
    """Make the site or point it at this service, and make its key usable. Raises NameTaken."""
    with transaction.atomic():
        site = Site.objects.filter(name=NAME).first() or Site(name=NAME)
        if site.auth_url and urlsplit(site.auth_url).path != AUTH_PATH:
            raise NameTaken
        site.auth_url = f"{base_url}{AUTH_PATH}"
        site.auth_scheme = "Bearer"
        site.user_room_prefix = USER_ROOM_PREFIX
        site.prefixed_system_events = False
        site.is_enabled = True
        site.save()
        ApiKey.objects.add(site, api_key(), KEY_LABEL)


def reachable(url: str) -> str:
    """Return the address to call for one that is listened on.

    >>> reachable("http://0.0.0.0:1337"), reachable("http://[::]:1337")
    ('http://127.0.0.1:1337', 'http://[::1]:1337')
    >>> reachable("http://127.0.0.1:1337")
    'http://127.0.0.1:1337'
    """
    scheme, _, address = url.partition("://")
    host, _, port = address.rpartition(":")
    return f"{scheme}://{REACHABLE.get(host.strip('[]'), host)}:{port}"
