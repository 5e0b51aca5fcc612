"""What the doctor says of one thing. Imports nothing of the project."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # works, but not always, or not for long
    FAIL = "FAIL"  # does not work, or loses messages


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what is, `mend` what to do, with a command where there is one; no secrets."""

    level: Level
    subject: str  # such as "redis persistence": stable, so that --json can be watched
    text: str
    mend: str = ""


def ok(subject: str, text: str) -> Finding:
    return Finding(Level.OK, subject, text)


def warn(subject: str, text: str, mend: str) -> Finding:
    return Finding(Level.WARN, subject, text, mend)


def fail(subject: str, text: str, mend: str) -> Finding:
    return Finding(Level.FAIL, subject, text, mend)
