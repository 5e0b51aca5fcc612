"""Moments as sites are told of them. Imports nothing of the project."""

from datetime import UTC, datetime


def to_text(ms: int) -> str:
    """`ms` since 1970.

    >>> to_text(1_800_000_000_123)
    '2027-01-15T08:00:00.123Z'
    """
    moment = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
