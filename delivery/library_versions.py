"""Which versions of libraries the fast paths were written for, as they use private parts of them.

With others the ordinary paths are taken: websockets by way of their ASGI calls, `/send` by
daphne. Below the web servers; imports nothing.
"""

import logging
from functools import cache
from importlib.metadata import version

logger = logging.getLogger(__name__)

WRITTEN_FOR = {
    "autobahn": "26.",
    "daphne": "4.2.",
    "python-engineio": "4.15.",
    "twisted": "26.",
    "uvicorn": "0.54.",
    "websockets": "17.",
}


@cache
def are_known() -> bool:
    """Warns of each that is not, once."""
    found = {name: version(name) for name in WRITTEN_FOR}
    others = [name for name in found if not found[name].startswith(WRITTEN_FOR[name])]
    for name in others:
        logger.warning(
            "%s is %s, the fast paths were written for %sx: they are not taken",
            name,
            found[name],
            WRITTEN_FOR[name],
        )
    return not others
