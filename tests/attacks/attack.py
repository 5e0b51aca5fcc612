"""What an attack is.

An attack is an async function that tries something once against a `Target` and returns what
came of it in a word or two: a status, `closed 1009`, `held`. Its docstring is its sentence.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.attacks.target import Target

Run = Callable[[Target], Awaitable[str]]


@dataclass(frozen=True)
class Attack:
    name: str
    sentence: str  # what is tried
    stopped_by: str
    expected: frozenset[str]  # what may come of it; anything else is a finding
    run: Run
    at_once: int
    is_repeated: bool  # until the time is over; else it takes its time itself


def attack(
    *expected: str, stopped_by: str, at_once: int = 4, is_repeated: bool = True
) -> Callable[[Run], Attack]:
    """Make the function an attack, named as it is."""

    def made(run: Run) -> Attack:
        name = run.__name__.replace("_", "-")
        sentence = " ".join((run.__doc__ or "").split())
        outcomes = frozenset(expected)
        return Attack(name, sentence, stopped_by, outcomes, run, at_once, is_repeated)

    return made
