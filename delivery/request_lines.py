"""What a request has sent, for its line in the access log: one line of a call, not two.

`access_log` begins and writes it, `publish` notes in it. Imports nothing of the project.
"""

from collections.abc import Mapping
from contextvars import ContextVar

# The fields of a line: none yet, those of `publish`, or, once it is written, all.
Line = dict[str, object]

_line: ContextVar[Line | None] = ContextVar("line", default=None)


def begin_line() -> Line:
    """For the request of this context, and of all tasks that begin in it."""
    line: Line = {}
    _line.set(line)
    return line


def note_sent(fields: Mapping[str, object]) -> bool:
    """False = the caller has to tell it: there is no request, or it is over as its sender has
    hung up, or has noted something already."""
    line = _line.get()
    if line is None or line:
        return False
    line.update(fields)
    return True
