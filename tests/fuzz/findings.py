"""What a run has tried and found. Imports nothing of the project."""

import sys
from collections import Counter
from dataclasses import dataclass, field

MOST_SHOWN = 20
MOST_SHOWN_CHARACTERS = 400  # of an input


@dataclass
class Findings:
    """`found` is empty after a run in which nothing went wrong."""

    is_quiet: bool = False
    inputs: Counter[str] = field(default_factory=Counter)  # by kind
    answers: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def report(self, kind: str, number: int, what: str, tried: object = "") -> None:
        """A number and the seed make the input again."""
        self.found.append(f"{kind}, number {number}: {what}: {repr(tried)[:MOST_SHOWN_CHARACTERS]}")
        if len(self.found) <= MOST_SHOWN:
            self.say(f"FOUND {self.found[-1]}")

    def note(self, name: str, value: object) -> None:
        shown = f"{value:.1f}" if isinstance(value, float) else str(value)
        self.say(f"{name:<48} {shown:>12}")

    def promise(self, name: str, value: float, *, at_most: float) -> None:
        self.note(name, value)
        if value > at_most:
            self.report(name, 0, f"{value:.1f}, expected at most {at_most:g}")

    def say(self, text: str) -> None:
        if not self.is_quiet:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
