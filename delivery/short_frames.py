"""Frames of websockets (RFC 6455, section 5.2) as nearly all of clients are: read at once.

For `takeover`, which leaves all others to the web server's own library. Imports nothing of the
project.
"""

# With all of a text, masked, at most 125 bytes long.
TEXT_FRAME = 0x81
MASKED, HEAD_BYTES, MASK_BYTES, MAX_SHORT_LENGTH = 0x80, 2, 4, 125
MASKS = MAX_SHORT_LENGTH // MASK_BYTES + 1  # as many as the longest needs


def take_short_text(data: bytes, start: int) -> tuple[str, int] | None:
    r"""Return the text of the frame at `start` and where the next one begins; None = there is no
    such frame, or not all of it.

    >>> take_short_text(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81", 0)  # of RFC 6455
    ('Hello', 11)
    >>> take_short_text(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51", 0)
    """
    size = len(data)
    mask_at = start + HEAD_BYTES
    if mask_at >= size or data[start] != TEXT_FRAME:
        return None
    length = data[start + 1] - MASKED
    payload_at = mask_at + MASK_BYTES
    end = payload_at + length
    if not 0 <= length <= MAX_SHORT_LENGTH or end > size:
        return None
    key = (data[mask_at:payload_at] * MASKS)[:length]
    text = (int.from_bytes(data[payload_at:end]) ^ int.from_bytes(key)).to_bytes(length)
    try:
        return text.decode(), end
    except UnicodeDecodeError:
        return None
