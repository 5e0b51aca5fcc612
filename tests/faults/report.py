"""What a run says at its end: one table, and an exit code by what is promised."""

import sys
from collections import Counter
from collections.abc import Sequence

from tests.faults.faults import Faults
from tests.faults.processes import ServiceProgram
from tests.faults.world import World

SHOWN = 10  # of each kind of problem
SETTLED_SAMPLES = 6  # of memory, after which a process should not grow any more
ALLOWED_GROWTH_MIB = 40.0


def print_report(world: World, faults: Faults, seed: int, keys_without_ttl: list[str]) -> int:
    ledger = world.ledger
    problems = {
        "lost": ledger.missing(),
        "out of order": ledger.problems["out of order"],
        "duplicated on one connection": ledger.problems["duplicated"],
        "unexplained resyncs": ledger.unexplained_resyncs(),
        "keys without a TTL": keys_without_ttl,
        "processes that grew": _grown(world.services),
    }
    accepted = sum(user.accepted for user in ledger.users.values())
    resyncs = sum((client.resyncs for client in ledger.clients.values()), Counter[str]())
    rows = [
        ("seed", seed),
        ("clients", len(ledger.clients)),
        ("connections made", sum(client.connection for client in ledger.clients.values())),
        ("messages accepted", accepted),
        ("first arrivals", sum(len(client.heard) for client in ledger.clients.values())),
        ("broadcasts heard", ledger.broadcasts),
        *(
            (f"answers of /send: {status}", count)
            for status, count in sorted(world.answers.items())
        ),
        ("faults injected", sum(faults.injected.values())),
        *((f"  {name}", count) for name, count in sorted(faults.injected.items())),
        *((f"resyncs: {reason}", count) for reason, count in sorted(resyncs.items())),
        ("highest memory of a process, MiB", round(_highest(world.services))),
        *((name, len(found)) for name, found in problems.items()),
    ]
    for name, value in rows:
        _say(f"{name:<36} {value:>10}")
    for name, found in problems.items():
        for each in found[:SHOWN]:
            _say(f"{name}: {each}")
    return int(any(problems.values()))


def _grown(services: Sequence[ServiceProgram]) -> list[str]:
    """Processes whose memory went on growing once everybody was connected."""
    return [
        f"port {service.port}: {life[SETTLED_SAMPLES]:.0f} -> {max(life[SETTLED_SAMPLES:]):.0f} MiB"
        for service in services
        for life in service.memory
        if len(life) > SETTLED_SAMPLES
        and max(life[SETTLED_SAMPLES:]) > life[SETTLED_SAMPLES] + ALLOWED_GROWTH_MIB
    ]


def _highest(services: Sequence[ServiceProgram]) -> float:
    return max(
        (value for service in services for life in service.memory for value in life), default=0
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
