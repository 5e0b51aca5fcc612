"""The pages of the documentation, read as GitHub reads them: blocks of code, links, anchors."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from sioweb_project.config import PROJECT_DIR

NO_LETTERS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """A block of code; `language` is "" where none is named. `text` is dedented."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Link:
    page: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.target}"


def all_pages() -> list[str]:
    """Paths below the project, such as `docs/http.md`."""
    found = [*PROJECT_DIR.glob("*.md"), *PROJECT_DIR.glob("docs/**/*.md")]
    return sorted(str(path.relative_to(PROJECT_DIR)) for path in found)


def blocks(page: str) -> Iterator[Block]:
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            language = token.info.split()[0] if token.info else ""
            yield Block(page, _line(token), language, token.content)


def all_blocks() -> list[Block]:
    return [block for page in all_pages() for block in blocks(page)]


def links(page: str) -> Iterator[Link]:
    """Those of images, too."""
    for token in tokens(page):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target is not None:
                yield Link(page, _line(token), str(target))


def inline_code(page: str) -> Iterator[tuple[int, str]]:
    """Line and text of each `...` within a text."""
    for token in tokens(page):
        for child in token.children or ():
            if child.type == "code_inline":
                yield _line(token), child.content


def anchors(page: str) -> set[str]:
    """
    GitHub's: a second heading of the same text has `-1` at its end.

    >>> sorted(anchors("docs/metrics.md"))
    ['metrics', 'what-is-told']
    """
    seen: Counter[str] = Counter()
    names = set()
    for inline in _headings(page):
        text = "".join(child.content for child in inline.children or ())
        slug = NO_LETTERS.sub("", text.strip().lower()).replace(" ", "-")
        names.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return names


@cache
def tokens(page: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(read(page))


def read(page: str) -> str:
    return (PROJECT_DIR / page).read_text()


def _headings(page: str) -> Iterator[Token]:
    for opening, inline in pairwise(tokens(page)):
        if opening.type == "heading_open":
            yield inline


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
