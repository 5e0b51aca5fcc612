"""What a connecting client brings: its token, its device, in which of two ways.

First step of a connect, before the site is asked. Imports nothing of the project
but the exceptions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from delivery.exceptions import AuthRefused

MAX_DEVICE_ID_LENGTH = 256
MAX_QUERY_PARAMETERS = 100
OF_INTEREST = re.compile("token|deviceId|%")  # names may be escaped


@dataclass(frozen=True, slots=True)
class Credentials:
    """`token` "" = none brought; `device_id` "" = the client keeps no id of its own."""

    token: str
    device_id: str


def read_credentials(query_string: str, auth: object) -> Credentials:
    """Read `token` and `deviceId` from the CONNECT packet's auth, else from the URL's query.

    The auth comes first: it belongs to this namespace, while several
    namespaces share the URL of their transport.

    >>> read_credentials("EIO=4&token=12345", None)
    Credentials(token='12345', device_id='')
    >>> read_credentials("EIO=4&t%6Fken=12345", None).token
    '12345'
    >>> read_credentials("token=old", {"token": "new", "deviceId": 7})
    Credentials(token='new', device_id='7')

    Raises AuthRefused when the device id is too long.
    """
    given = auth if isinstance(auth, Mapping) else {}
    query = _parse(query_string)
    device_id = _text(given.get("deviceId")) or query.get("deviceId", "")
    if len(device_id) > MAX_DEVICE_ID_LENGTH:
        raise AuthRefused(f"deviceId has more than {MAX_DEVICE_ID_LENGTH} characters")
    return Credentials(_text(given.get("token")) or query.get("token", ""), device_id)


def _parse(query_string: str) -> dict[str, str]:
    """The first value of each parameter; a hostile query counts as none, and so does one that
    cannot hold what is looked for."""
    if not OF_INTEREST.search(query_string):
        return {}
    try:
        query = parse_qs(query_string, max_num_fields=MAX_QUERY_PARAMETERS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in query.items()}


def _text(value: object) -> str:
    """The text of a string or a number, "" for anything else."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int | float) else ""
