"""What of the documentation is to be typed into a shell, block by block."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.elsewhere import COMMANDS, PAGES
from tests.docs.pages import Block, all_blocks

SHELLS = {"sh", "bash", "console", "shell"}
PROMPT = re.compile(r"^\$ ", re.MULTILINE)
PROGRAMS = "make|curl|git|sudo|apt|apt-get|fab|docker|pip|python3?|systemctl|cp|export"
# What may run on the machine of a test, so that no page can make it push, install or remove.
HARMLESS = re.compile(r"curl |\.venv/bin/python manage\.py ")
JOINED = re.compile(r"[;&|`>]|\$\(")  # with another command
ADDRESS = "http://localhost:1337"
OTHER_ADDRESS = re.compile(rf"https?://(?!{ADDRESS.partition('//')[2]}/)")
# Where a block names no language.
COMMAND = re.compile(rf"(?:\$ |[A-Z_]+=\S+ )*(?:(?:{PROGRAMS}) [\w/'.-]|\.venv/bin/)")


@dataclass(frozen=True)
class Script:
    """A block of commands, without the prompt of a console."""

    block: Block
    lines: tuple[str, ...]  # continued ones put together

    def __str__(self) -> str:
        return str(self.block)

    @property
    def here(self) -> str:
        """What is to run now: commands that nothing else runs."""
        return "\n".join(line for line in self.lines if not runs_elsewhere(line))


def scripts() -> list[Script]:
    """All but those of pages that something else runs as a whole."""
    found = (block for block in all_blocks() if block.page not in PAGES)
    return [Script(block, tuple(_lines(block))) for block in found if is_commands(block)]


def is_commands(block: Block) -> bool:
    return block.language in SHELLS or (
        block.language in ("", "text")
        and any(COMMAND.match(line) for line in block.text.splitlines())
    )


def is_harmless(line: str) -> bool:
    """
    >>> is_harmless("curl 'http://localhost:1337/healthcheck'"), is_harmless("git push")
    (True, False)
    """
    is_joined = JOINED.search(_unquoted(line)) is not None
    goes_elsewhere = OTHER_ADDRESS.search(line) is not None
    return HARMLESS.match(line) is not None and not is_joined and not goes_elsewhere


def runs_elsewhere(line: str) -> bool:
    return elsewhere_of(line) is not None


def elsewhere_of(line: str) -> str | None:
    """
    >>> elsewhere_of('make bench BENCH="--rounds 5"'), elsewhere_of("make benches")
    ('make bench', None)
    """
    starts = (start for start in COMMANDS if f"{line} ".startswith(f"{start} "))
    return max(starts, key=len, default=None)


def _unquoted(line: str) -> str:
    return re.sub(r"'[^']*'", "", line)


def _lines(block: Block) -> Iterator[str]:
    text = PROMPT.sub("", block.text).replace("\\\n", " ")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
