"""What an input is made by: the same seed makes the same input, whatever was made before it.

Imports nothing of the project.
"""

import random
import re
import string
from collections.abc import Callable, Sequence

# What parsers stumble over: ends, escapes, encodings, numbers past a limit, names of objects.
TOKENS = [
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
        b"\x1e",
    ),
    *(b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\t", b",", b":", b";", b"/", b"?", b"#", b"-", b"="),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b"[]", b"[0]", b"[[", b"[99999]", b"{}", b"\\ud800"),
    *(b"%", b"%00", b"%ff", b"%5B", b"%5D", b"&", b"+", b"null", b"true", b"NaN", b"1e999", b"-0"),
    *(b"0", b"-1", b"9007199254740993", b"18446744073709551616", b"9" * 40, b"0x10"),
    *(b"__proto__", b"constructor", b"rooms", b"event", b"args", b"resync", b"batch", b"connect"),
    *(b"b", b"4", b"40", b"42", b"43", b"451-", b"/newsite,", b'{"_placeholder":true,"num":0}'),
]
CHARACTERS = string.printable + "\0\x7f\x85é\u2028\ufeff\uffff\U0001f600\U0010ffff" * 4
NUMBER = re.compile(rb"[0-9]+")
MOST_REPEATS = 400
MOST_BYTES = 60_000  # of what a mutation makes: longer ones are made on purpose

Mutation = Callable[["Chance", bytes], bytes]


class Chance(random.Random):
    def text(self, most: int = 12) -> str:
        """Characters of any plane, without halves of surrogate pairs."""
        return "".join(self.choices(CHARACTERS, k=self.randint(0, most)))

    def blob(self, most: int = 40) -> bytes:
        return self.randbytes(self.randint(0, most))

    def is_lucky(self, share: float) -> bool:
        return self.random() < share

    def mutate(self, data: bytes, most: int = 4) -> bytes:
        for _ in range(self.randint(1, most)):
            data = self.choice(MUTATIONS)(self, data)[:MOST_BYTES]
        return data

    def pieces(self, data: bytes, most: int = 5) -> list[bytes]:
        """Cut it at some places, as networks do."""
        places = sorted(self.randint(0, len(data)) for _ in range(self.randint(0, most)))
        ends = [*places, len(data)]
        return [data[start:end] for start, end in zip([0, *places], ends, strict=True)]

    def span(self, data: bytes) -> tuple[int, int]:
        start = self.randint(0, len(data))
        return start, min(len(data), start + self.randint(0, 16))


def _insert(chance: Chance, data: bytes) -> bytes:
    start, _ = chance.span(data)
    return data[:start] + chance.choice(TOKENS) + data[start:]


def _replace(chance: Chance, data: bytes) -> bytes:
    start, end = chance.span(data)
    return data[:start] + chance.choice([*TOKENS, chance.blob()]) + data[end:]


def _flip(chance: Chance, data: bytes) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def _delete(chance: Chance, data: bytes) -> bytes:
    start, end = chance.span(data)
    return data[:start] + data[end:]


def _repeat(chance: Chance, data: bytes) -> bytes:
    start, end = chance.span(data)
    return data[:start] + data[start:end] * chance.randint(2, MOST_REPEATS) + data[end:]


def _move(chance: Chance, data: bytes) -> bytes:
    start, end = chance.span(data)
    place, _ = chance.span(data)
    return data[:place] + data[start:end] + data[place:]


def _truncate(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randint(0, len(data))]


def _renumber(chance: Chance, data: bytes) -> bytes:
    numbers = list(NUMBER.finditer(data))
    if not numbers:
        return data
    start, end = chance.choice(numbers).span()
    number = chance.choice([0, 1, -1, 2**31, 2**53 + 1, 2**64, 10**400])
    return data[:start] + str(number).encode() + data[end:]


MUTATIONS: Sequence[Mutation] = (
    *(_insert, _replace, _flip, _delete),
    *(_repeat, _move, _truncate, _renumber),
)
