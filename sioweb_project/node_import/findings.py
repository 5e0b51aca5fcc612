"""What becomes of one line of the Node service's files. Imports nothing of the project."""

from dataclasses import dataclass
from typing import Literal

LEGEND = "= taken over   ~ taken over, but different here   - left out"


@dataclass(frozen=True)
class Finding:
    """`path` is dotted, as `production.port`; `text` shows no secret.

    >>> str(Finding("=", "production.port", "80"))
    '= production.port: 80'
    """

    mark: Literal["=", "~", "-"]
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.mark} {self.path}: {self.text}"
