"""Which requests begin a session in the way that nearly all do.

Asked by `engine`. Imports nothing of the project.
"""

import re

# What a client that has been told no more than to connect asks for; `token` and `deviceId` are
# read with the CONNECT packet. No other parameter, none escaped or in bytes that are no ASCII.
PARAMETERS = rb"(?:(?:token|deviceId)=[!-%'-~]*)"
PLAIN_OPENING = re.compile(rb"(?:%(p)s&)*EIO=4&transport=websocket(?:&%(p)s)*" % {b"p": PARAMETERS})


def is_plain_opening(query: bytes) -> bool:
    """Whether it asks for a session of the current protocol on a websocket, and nothing more.

    >>> is_plain_opening(b"EIO=4&transport=websocket"), is_plain_opening(b"EIO=4")
    (True, False)
    >>> is_plain_opening(b"token=1%202&EIO=4&transport=websocket&deviceId=b")
    True
    >>> is_plain_opening(b"EIO=4&transport=websocket&sid=bK3x")
    False
    """
    return PLAIN_OPENING.fullmatch(query) is not None
