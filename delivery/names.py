r"""The name of every Redis key and of every Channels group.

All keys of one room stand under one hash tag, so that Redis Cluster keeps them in
one slot and a script may touch them together:

    <prefix>:{site/room}:room              epoch, seq and counts
    <prefix>:{site/room}:devices           known devices
    <prefix>:{site/room}:queue:<device>    waiting messages
    <prefix>:{site/room}:events:<device>   the same by event, where that order matters
    <prefix>:{site/room}:holders:<device>  processes where the device is live
    <prefix>:{site/room}:once:<digest>     appends that must not happen twice

The Lua scripts make the names of the middle four from that of the first;
`lua/common.lua` says what is stored in each. All statistics stand under one tag, too:

    <prefix>:{statistics}:processes        processes, by when they were last seen
    <prefix>:{statistics}:process:<id>     what one of them has now
    <prefix>:{statistics}:v2:<s>:<t>:<site>  counts of the <s> seconds from <t> on
    <prefix>:{statistics}:failure:<site>   the last failure of its authUrl

`lua/record.lua` makes the latter three from the first. What sites are told of their users:

    <prefix>:{updates}:due                 users and when to look at them

`lua/users.lua` makes two others from it. Receipts are spread over a few tags:

    <prefix>:{receipts/<n>}:message:<site>/<id>   what was noted of one message
    <prefix>:{receipts/<n>}:room:<site>/<room>    ids of the last messages of a user room

`lua/note.lua` makes them from the part up to the second colon. What stands by itself:

    <prefix>:{site}:idempotency:<digest>   answers to calls with an idempotency key
    <prefix>:{site}:sends[:<key>]          what a site, or one of its keys, may still send
    <prefix>:generator:<number>            the process that makes ids with it

Imports nothing of the project.
"""

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote, unquote
from zlib import crc32

NAMES_KEPT = 10_000  # of the rooms used last: some 4 MB
# At most so many calls take the notes of a moment to Redis, and so far a cluster spreads them.
RECEIPT_SLOTS = 16
PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")  # what `quote` leaves as it is
ERRORS = "surrogatepass"  # clients choose device ids; half a surrogate pair is text to JSON


@lru_cache(NAMES_KEPT)
def room_key(prefix: str, site: str, room: str) -> str:
    """
    Site and room are percent-encoded: braces of theirs would end the hash tag, and a
    slash would let two pairs of names meet.

    >>> room_key("sioweb", "newsite", "user_1")
    'sioweb:{newsite/user_1}:room'
    >>> room_key("sioweb", "newsite", "a}/ü:*")
    'sioweb:{newsite/a%7D%2F%C3%BC%3A%2A}:room'
    >>> room_key("{app}", "newsite", "user_1")
    '%7Bapp%7D:{newsite/user_1}:room'
    """
    return f"{_base(prefix, site, room)}:room"


def devices_key(prefix: str, site: str, room: str) -> str:
    """
    >>> devices_key("sioweb", "newsite", "user_1")
    'sioweb:{newsite/user_1}:devices'
    """
    return f"{_base(prefix, site, room)}:devices"


def queue_key(prefix: str, site: str, room: str, device: str) -> str:
    """
    The device stands last, so that it needs no escape.

    >>> queue_key("sioweb", "newsite", "user_1", "phone:{1}*")
    'sioweb:{newsite/user_1}:queue:phone:{1}*'
    >>> queue_key("sioweb", "newsite", "user_1", "")
    'sioweb:{newsite/user_1}:queue:'
    """
    return f"{_base(prefix, site, room)}:queue:{device}"


def once_key(prefix: str, site: str, room: str, idempotency_key: str) -> str:
    """
    >>> once_key("sioweb", "newsite", "user_1", "order 7")
    'sioweb:{newsite/user_1}:once:0fc89f8ae19394b48debd6353bb9ad33'
    """
    return f"{_base(prefix, site, room)}:once:{_digest(idempotency_key)}"


def idempotency_key(prefix: str, site: str, key: str) -> str:
    """
    >>> idempotency_key("sioweb", "newsite", "order 7")
    'sioweb:{newsite}:idempotency:0fc89f8ae19394b48debd6353bb9ad33'
    """
    return f"{_escape(prefix)}:{{{_quote(site)}}}:idempotency:{_digest(key)}"


def send_bucket_key(prefix: str, site: str, key: int = 0) -> str:
    """
    >>> send_bucket_key("sioweb", "newsite"), send_bucket_key("sioweb", "newsite", 7)
    ('sioweb:{newsite}:sends', 'sioweb:{newsite}:sends:7')
    """
    base = f"{_escape(prefix)}:{{{_quote(site)}}}:sends"
    return f"{base}:{key}" if key else base


def generator_key(prefix: str, number: int) -> str:
    """
    >>> generator_key("sioweb", 7)
    'sioweb:generator:7'
    """
    return f"{_escape(prefix)}:generator:{number}"


def processes_key(prefix: str) -> str:
    """
    >>> processes_key("sioweb")
    'sioweb:{statistics}:processes'
    """
    return f"{_escape(prefix)}:{{statistics}}:processes"


def updates_key(prefix: str) -> str:
    """
    >>> updates_key("sioweb")
    'sioweb:{updates}:due'
    """
    return f"{_escape(prefix)}:{{updates}}:due"


def user_name(site: str, room: str) -> str:
    """
    >>> user_name("newsite", "user_1/2")
    'newsite/user_1%2F2'
    """
    return f"{_quote(site)}/{_quote(room)}"


def split_user_name(name: str) -> tuple[str, str]:
    """
    >>> split_user_name(user_name("newsite", "user_1/2"))
    ('newsite', 'user_1/2')
    """
    site, room = (unquote(part, errors=ERRORS) for part in name.split("/"))
    return site, room


def receipts_keys(prefix: str) -> tuple[str, ...]:
    """
    What the keys of receipts begin with, one for each slot.

    >>> receipts_keys("sioweb")[:2]
    ('sioweb:{receipts/0}:', 'sioweb:{receipts/1}:')
    """
    return tuple(f"{_escape(prefix)}:{{receipts/{slot}}}:" for slot in range(RECEIPT_SLOTS))


def receipt_name(site: str, name: str) -> bytes:
    """
    `name` is a message id or a room; no slash of the site's is taken for the one between them.

    >>> receipt_name("newsite", "a/b"), receipt_name("newsite/a", "b")
    (b'newsite/a/b', b'newsite%2Fa/b')
    """
    return f"{_quote_site(site)}/{name}".encode(errors=ERRORS)


def receipt_slot(name: bytes) -> int:
    """
    >>> receipt_slot(receipt_name("newsite", "7530791394961522691"))
    15
    """
    return crc32(name) % RECEIPT_SLOTS


def show_id(device_id: str) -> str:
    r"""Half a surrogate pair has no form in JSON: it is shown as it is escaped.

    >>> show_id("a\ud800")
    'a\\ud800'
    """
    if device_id.isascii():
        return device_id
    return device_id.encode("utf-8", "backslashreplace").decode()


@lru_cache(NAMES_KEPT)
def group_name(site: str, room: str) -> str:
    """
    Channels allows letters, digits, `-`, `_`, `.` and less than 100 characters: a digest.

    >>> group_name("newsite", "user_1")
    'room.fc69811b7e23775943efc446ea020efb'
    >>> group_name("newsite", "user_1") == group_name("newsite/user_1", "")
    False
    """
    return f"room.{_digest(f'{_quote(site)}/{_quote(room)}')}"


def _base(prefix: str, site: str, room: str) -> str:
    return f"{_escape(prefix)}:{{{_quote(site)}/{_quote(room)}}}"


def _escape(prefix: str) -> str:
    """The hash tag is what stands in the first braces of a key: the prefix may have none."""
    return prefix.replace("{", "%7B").replace("}", "%7D")


def _quote(name: str) -> str:
    if PLAIN.fullmatch(name):  # as nearly all: a tenth of the work
        return name
    return quote(name, safe="", errors=ERRORS)


@lru_cache(maxsize=1024)
def _quote_site(site: str) -> str:
    return _quote(site)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors=ERRORS)).hexdigest()[:32]
