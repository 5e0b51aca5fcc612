"""Database work in threads that Django does not look after: those of tasks and of streams.

Imports nothing of the project.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")


def with_live_connection(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do database work in a thread outside of requests, where Django tends no connections."""
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
