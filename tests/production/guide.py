"""What docs/production.md tells to type."""

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
GUIDE = PROJECT / "docs" / "production.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """`line` is that of its first command."""

    line: int
    text: str


def blocks() -> list[Block]:
    text = GUIDE.read_text()
    return [Block(text.count("\n", 0, m.start()) + 2, m[1]) for m in BLOCK.finditer(text)]


def script() -> str:
    """All blocks as one shell runs them, which ends with the first command that fails."""
    parts = ["set -euo pipefail\n"]
    for block in blocks():
        parts.append(f"echo '--- {GUIDE.name}:{block.line}'\n{block.text}")
    return "".join(parts)
