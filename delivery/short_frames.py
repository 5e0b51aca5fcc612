"""Frames of websockets (RFC 6455, section 5.2) as nearly all of clients are: read at once.

For `takeover`, which leaves all others to the web server's own library. Imports nothing of the
project.
"""

# With all of a text, masked, at most 125 bytes long.
TEXT_FRAME = 0x81
MASKED, MASK_BYTES, MAX_SHORT_LENGTH = 0x80, 4, 125


def take_short_text(data: bytes, start: int) -> tuple[str, int] | None:
    r"""Return the text of the frame at `start` and where the next one begins; None = there is no
    such frame, or not all of it.

    >>> take_short_text(b"\x81\x85\x00\x00\x00\x00Hello\x81", 0)
    ('Hello', 11)
    >>> take_short_text(b"\x81\x85\x00\x00\x00\x00Hell", 0)
    """
    size = len(data)
    if start + 2 >= size or data[start] != TEXT_FRAME:
        return None
    length = data[start + 1] - MASKED
    payload_at = start + 2 + MASK_BYTES
    end = payload_at + length
    if not 0 <= length <= MAX_SHORT_LENGTH or end > size:
        return None
    try:
        return unmask(data[payload_at:end], data[start + 2 : payload_at]).decode(), end
    except UnicodeDecodeError:
        return None


def unmask(payload: bytes, mask: bytes) -> bytes:
    """
    >>> unmask(bytes.fromhex("7f9f4d5158"), bytes.fromhex("37fa213d"))  # of RFC 6455
    b'Hello'
    """
    length = len(payload)
    key = (mask * (length // MASK_BYTES + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(length)
