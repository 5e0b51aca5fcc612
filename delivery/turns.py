"""When to do what several callers of one turn of the event loop want done together.

For `runner` and `outbox`. Imports nothing of the project.
"""

import asyncio
from collections.abc import Callable
from typing import Any


def do_together(loop: asyncio.AbstractEventLoop, do: Callable[..., None], *args: Any) -> None:
    """Call `do` once whoever else has something to do in this turn has done it: at once where
    that is nobody, as a turn costs as much as a script."""
    if getattr(loop, "_ready", True):  # asyncio's own; another loop's is not known
        loop.call_soon(do, *args)
    else:
        do(*args)
