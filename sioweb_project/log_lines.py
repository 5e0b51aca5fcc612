r"""The form of the log: one line each, which nothing that a client sends can forge.

Every part of the project logs by stdlib's `logging`, as do Django and the libraries; here
their records become lines. A call whose only argument is a mapping gives its line fields:
`logger.info("Site %(site)s: message %(message)s", {"site": "a", "message": "75"})`.
Imports nothing of the project.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from structlog.processors import format_exc_info

QUIET_SECONDS = 60.0
DELETE = "\x7f"
STARTED_AT = time.time()

Fields = dict[str, Any]


class Record(logging.LogRecord):
    """What `logging.setLogRecordFactory` takes: stdlib's, with all its attributes, but not taking
    apart the path of a caller that nobody looks for (settings.py). That is over half its time."""

    def __init__(
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: Any = None,
        sinfo: str | None = None,
        **_: object,
    ) -> None:
        now = time.time()
        is_mapping = args and len(args) == 1 and isinstance(args[0], Mapping) and args[0]
        self.name, self.msg, self.args = name, msg, args[0] if is_mapping else args
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.pathname = self.filename = self.module = pathname
        self.lineno, self.funcName = lineno, func
        self.exc_info, self.exc_text, self.stack_info = exc_info, None, sinfo
        self.created, self.msecs = now, float(int(now % 1 * 1000))
        self.relativeCreated = 1000 * (now - STARTED_AT)
        self.thread = self.threadName = self.process = self.processName = None


class Clock:
    """Times of records as text; the seconds are written once a second."""

    def __init__(self, form: str, end: str, to_parts: Callable[[float], time.struct_time]) -> None:
        self._form, self._end, self._to_parts = form, end, to_parts
        self._second = -1
        self._text = ""

    def tell(self, at: float) -> str:
        second = int(at)
        if second != self._second:
            self._second, self._text = second, time.strftime(self._form, self._to_parts(second))
        return f"{self._text}{int((at - second) * 1000):03d}{self._end}"


class JsonLines(logging.Formatter):
    """For machines, and for `grep`: what the text says stands in the fields as well."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = Clock("%Y-%m-%dT%H:%M:%S.", "Z", time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        fields: Fields = {
            "timestamp": self._clock.tell(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.args and not isinstance(record.args, tuple):
            fields = {**fields, **record.args, **fields}
        if record.exc_info:
            fields["exception"] = _trace(record)
        return _dumps(fields)


class TextLines(logging.Formatter):
    """For people. A traceback is indented, so that no line of it looks like one of the log."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = Clock("%Y-%m-%d %H:%M:%S,", "", time.localtime)

    def format(self, record: logging.LogRecord) -> str:
        text = _printable(record.getMessage())
        line = f"{self._clock.tell(record.created)} {record.levelname} {record.name}: {text}"
        if not record.exc_info:
            return line
        return "\n    ".join([line, *map(_printable, _trace(record).splitlines())])


class Lines(logging.StreamHandler[Any]):
    """Each line in one write, so that those of several workers do not mix."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
            self.stream.buffer.write(line.encode(errors="backslashreplace"))
            self.stream.buffer.flush()
        except Exception:  # noqa: BLE001, as all handlers do
            self.handleError(record)


class FirstOfAMinute(logging.Filter):
    """For what is tried again and again: it need not be told each time."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created - self._told_at < QUIET_SECONDS:
            return False
        self._told_at = record.created
        return True


def _trace(record: logging.LogRecord) -> str:
    return str(format_exc_info(None, "", {"exc_info": record.exc_info})["exception"])


def _dumps(fields: Fields) -> str:
    """JSON in which no character is one that a terminal or a pager obeys.

    >>> _dumps({"room": "a\\n\\x1b\\x9b\\u2028é"})
    '{"room":"a\\\\n\\\\u001b\\\\u009b\\\\u2028é"}'
    """
    try:
        text = orjson.dumps(fields, default=str).decode()
    except TypeError:
        text = _dumps_odd(fields)
    if text.isascii() and DELETE not in text:  # JSON itself escapes all other controls of ASCII
        return text
    return _printable(text)


def _dumps_odd(fields: Fields) -> str:
    """As JSON, with names that are no text, or half of a surrogate pair."""
    named = {str(name): value for name, value in fields.items()}
    try:
        return orjson.dumps(named, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(named, default=str)


def _printable(text: str) -> str:
    """Write what is not to be printed as `\\uXXXX`, as JSON has it.

    >>> _printable("a\\nWARNING \\x1b[0m é")
    'a\\\\u000aWARNING \\\\u001b[0m é'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"
