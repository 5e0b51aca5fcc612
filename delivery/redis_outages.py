"""What a Redis says that is there but cannot now, as against a script that is wrong.

Below redis_client; imports redis-py.
"""

from redis import exceptions as redis_errors

# The classes that redis-py has for it; OSError and TimeoutError come beside them.
OUTAGE_ERRORS = (
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.ReadOnlyError,
    redis_errors.ClusterDownError,
    redis_errors.TryAgainError,
    redis_errors.AskError,  # and MovedError
    redis_errors.OutOfMemoryError,
    redis_errors.NoPermissionError,
)
# What has no class comes as a bare ResponseError that begins so. The last one: a slot on its
# way to another master, key by key, holds half of a room. For the same reason ASK is not
# followed: a script at its other end would take this half for lost.
OUTAGE_TEXTS = (
    "BUSY ",
    "MISCONF ",
    "NOREPLICAS ",
    "UNKILLABLE ",
    # The user may not do what the script does: of Redis 7.0 and before, and since.
    "The user executing the script",
    "ACL failure in script",
    "Script attempted to access a non local key",
)


def is_outage(error: Exception) -> bool:
    return isinstance(error, OUTAGE_ERRORS) or str(error).startswith(OUTAGE_TEXTS)


def lacks_rights(error: BaseException | None) -> bool:
    """Whether its user may not do what was asked for."""
    return isinstance(error, redis_errors.NoPermissionError)
