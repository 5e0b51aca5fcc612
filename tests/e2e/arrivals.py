"""What came to a client over all its connections, out of the reports of its process.

Messages are numbered by their only sender: each is an event whose first argument is its
number, alone or in a batch.
"""

from collections.abc import Iterator, Sequence

from tests.e2e.node_client import Report


def connections(history: Sequence[Report]) -> list[list[int]]:
    """The numbers heard on each connection, in order.

    >>> connections([
    ...     {"kind": "connect"}, {"kind": "event", "event": "n", "args": [1]},
    ...     {"kind": "connect"},
    ...     {"kind": "event", "event": "batch", "args": [[["n", 1], ["n", 2]]]},
    ... ])
    [[1], [1, 2]]
    """
    heard: list[list[int]] = []
    for report in history:
        if report["kind"] == "connect":
            heard.append([])
        elif report["kind"] == "event":
            heard[-1].extend(_numbers(report))
    return heard


def first_arrivals(history: Sequence[Report]) -> list[int]:
    """All numbers, each where it was heard first."""
    return list(dict.fromkeys(number for heard in connections(history) for number in heard))


def duplicates(history: Sequence[Report]) -> list[int]:
    """What came again although no reconnect explains it.

    An ack may be lost with its connection; so what was heard last on one may come again,
    first of all, on the next. Anything else that comes twice is a duplicate.

    >>> duplicates([
    ...     {"kind": "connect"}, {"kind": "event", "event": "n", "args": [1]},
    ...     {"kind": "event", "event": "n", "args": [2]}, {"kind": "connect"},
    ...     {"kind": "event", "event": "batch", "args": [[["n", 2], ["n", 3]]]},
    ...     {"kind": "event", "event": "n", "args": [3]},
    ... ])
    [3]
    """
    found: list[int] = []
    before: list[int] = []
    for heard in connections(history):
        again = [number for number in heard if number in before]
        repeated = [number for i, number in enumerate(heard) if number in heard[:i]]
        explained = before[len(before) - len(again) :] if again == heard[: len(again)] else []
        found += repeated + [number for number in again if number not in explained]
        before = list(dict.fromkeys(before + heard))
    return found


def _numbers(report: Report) -> Iterator[int]:
    if report["event"] == "batch":
        yield from (args[0] for _, *args in report["args"][0])
    else:
        yield report["args"][0]
