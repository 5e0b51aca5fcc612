"""What the fields of a site may hold, for the admin and for sites.yml alike.

Imports `networks` only. A message does not repeat the value: the admin shows
it beside the message, and `sites.entries` puts it in front.
"""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from sites.networks import numeric_address, read_deny_list, resolved_addresses

# `,` ends the namespace of a Socket.IO packet; clients cut a namespace at `?` and `#`.
NAME_TABOO = frozenset(",?#")
HTTP_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
# "*." stands for any number of names before the rest.
ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://(\*\.)?[^\s/?#@*,]+", re.IGNORECASE)
HOST = re.compile(r"[\w.:%-]+")  # names of any script, IPv4, IPv6 with a zone

NAME_MESSAGE = (
    "A name becomes a Socket.IO namespace: it cannot start with a slash, nor hold a comma, "
    '"?", "#", a space or a control character.'
)
URL_MESSAGE = "An http:// or https:// address with a host is accepted, without spaces."
CREDENTIALS_MESSAGE = "A user name or password in the address is not accepted."
DENIED_MESSAGE = "This address is in a network that the service may not call (auth_url_deny)."
SCHEME_MESSAGE = 'One HTTP token such as "Bearer" is accepted: no spaces, colons or line breaks.'
ORIGINS_MESSAGE = (
    "Origins such as https://newsite.com or https://*.newsite.com are accepted: no path, and "
    "nothing after the port."
)
ROOM_MESSAGE = "It cannot start or end with a space, nor hold a control character."


def validate_site_name(value: str) -> None:
    if value.startswith("/") or not is_plain(value) or NAME_TABOO.intersection(value):
        raise ValidationError(NAME_MESSAGE, code="site_name")


def validate_http_url(value: str) -> None:
    """Accept what can be called: also hosts without a dot, as in a container network.

    Credentials are refused: the Authorization header is for the client's token.
    """
    try:
        url = urlsplit(value)
        is_web = url.scheme in {"http", "https"} and url.port != 0
    except ValueError as error:  # a broken IPv6 host or port
        raise ValidationError(URL_MESSAGE, code="http_url") from error
    # The raw text is looked at, because urlsplit drops line breaks silently.
    if not is_web or not is_plain(value) or not HOST.fullmatch(url.hostname or ""):
        raise ValidationError(URL_MESSAGE, code="http_url")
    if "@" in url.netloc:
        raise ValidationError(CREDENTIALS_MESSAGE, code="http_url_credentials")
    # A name is not resolved here: sites.yml is read at each start, without the network.
    _refuse_denied([numeric_address(url.hostname or "")])


def validate_resolved_url(value: str) -> None:
    """Tell who enters a URL that its host leads to a denied address; may take seconds.

    Only a courtesy: what counts is the address at each connection (`delivery.outgoing`).
    """
    validate_http_url(value)
    if settings.CONFIG.auth_url_deny:
        _refuse_denied(resolved_addresses(urlsplit(value).hostname or ""))


def validate_auth_scheme(value: str) -> None:
    if not HTTP_TOKEN.fullmatch(value):
        raise ValidationError(SCHEME_MESSAGE, code="auth_scheme")


def validate_room(value: str) -> None:
    """Accept a room name or the start of one; spaces inside are a site's own business."""
    if value != value.strip() or not value.isprintable():
        raise ValidationError(ROOM_MESSAGE, code="room")


def _refuse_denied(addresses: list[str]) -> None:
    deny_list = read_deny_list(settings.CONFIG.auth_url_deny)
    if any(address and deny_list.denies(address) for address in addresses):
        raise ValidationError(DENIED_MESSAGE, code="http_url_denied")


def validate_origins(value: str) -> None:
    """Accept origins with white space between them."""
    if not all(ORIGIN.fullmatch(each) and each.isprintable() for each in value.split()):
        raise ValidationError(ORIGINS_MESSAGE, code="origins")


def is_plain(text: str) -> bool:
    """Tell whether the text has no white space and nothing unprintable.

    >>> is_plain("my-site.com"), is_plain("my site"), is_plain("my\\u200bsite")
    (True, False, False)
    """
    return text.isprintable() and " " not in text
