"""What came of all rounds: medians, ratios, a table, JSON."""

import json
import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.measures import Better, Measure

LIMITED_BY_GENERATOR = 0.9  # of one processor
TWO_PROCESSES = ", 2 processes"
SINGLE_SENDS = "durable send to ack"
BATCHES = "batches of "
QUEUE = "queue "


@dataclass(frozen=True)
class Row:
    """One scenario: medians of both sides, None = the side has no such thing."""

    name: str
    unit: str
    better: Better
    base: float | None
    service: float | None
    base_cpu_us: float | None = None
    service_cpu_us: float | None = None
    is_limited_by_generator: bool = False

    @property
    def ratio(self) -> float | None:
        """Service ÷ base."""
        return _quotient(self.service, self.base)

    @property
    def advantage(self) -> float | None:
        """The ratio, turned so that more is better."""
        return self.ratio if self.better == "higher" else _quotient(self.base, self.service)


@dataclass
class Results:
    base_name: str
    service_name: str
    about: dict[str, str] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    _failures: list[str] = field(default_factory=list)
    _measures: dict[str, dict[str, list[Measure]]] = field(default_factory=dict)  # name, side

    def add(self, side: str, measure: Measure) -> None:
        self._measures.setdefault(measure.name, {}).setdefault(side, []).append(measure)

    def fail(self, side: str, what: str) -> None:
        """Note what could not be measured."""
        self._failures.append(f"{side}: {what}")

    def rows(self) -> list[Row]:
        return [self._row(sides) for sides in self._measures.values()]

    def derived(self) -> list[Row]:
        """Rows that compare two figures of the same side."""
        rows = {row.name: row for row in self.rows()}
        return [_divided(name, rows[a], rows[b]) for name, a, b in _pairs(list(rows))]

    def failures(self) -> list[str]:
        return self._failures + [
            f"{side}: {measure.name}: {measure.failures}"
            for sides in self._measures.values()
            for side, measures in sides.items()
            for measure in measures
            if measure.failures
        ]

    def machine(self) -> dict[str, str]:
        return {
            **self.about,
            "started": self.started_at.isoformat(timespec="seconds"),
            "processor": f"{os.cpu_count()} x {_processor()}",
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "load average before": f"{self.load_before:.2f}",
        }

    def table(self) -> str:
        """Markdown: the machine, the rows, and what went wrong."""
        base, service = self.base_name, self.service_name
        lines = [
            f"| scenario | unit | {base} | {service} | ratio | better is "
            f"| CPU µs each, {base} | CPU µs each, {service} |",
            "|---|---|--:|--:|--:|---|--:|--:|",
            *map(_line, self.rows() + self.derived()),
            "",
            "`*`: the load generator had no processor time left; the figure could be higher.",
            "",
            *(f"{name}: {value}  " for name, value in self.machine().items()),
            *(f"FAILED {failure}  " for failure in self.failures()),
        ]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        content = {
            "machine": self.machine(),
            "sides": [self.base_name, self.service_name],
            "rows": [asdict(row) | {"ratio": row.ratio} for row in self.rows()],
            "derived": [asdict(row) for row in self.derived()],
            "failures": self.failures(),
            "measures": {
                name: {side: [asdict(each) for each in all_] for side, all_ in sides.items()}
                for name, sides in self._measures.items()
            },
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def _row(self, sides: dict[str, list[Measure]]) -> Row:
        base, service = sides.get(self.base_name, []), sides.get(self.service_name, [])
        first = (base + service)[0]
        loads = [each.generator_load or 0 for each in base + service]
        return Row(
            name=first.name,
            unit=first.unit,
            better=first.better,
            base=_median([each.value for each in base]),
            service=_median([each.value for each in service]),
            base_cpu_us=_median([each.cpu_us for each in base]),
            service_cpu_us=_median([each.cpu_us for each in service]),
            is_limited_by_generator=max(loads) > LIMITED_BY_GENERATOR,
        )


def _pairs(names: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, dividend, divisor) of what is worth comparing."""
    for name in names:
        if name.startswith(BATCHES) and SINGLE_SENDS in names:
            yield "batch ÷ single sends", name, SINGLE_SENDS
        one = name.removesuffix(TWO_PROCESSES)
        if one != name and one in names:
            yield f"2 processes ÷ 1: {one}", name, one
    queues: dict[str, list[str]] = {}
    for name in names:
        if name.startswith(QUEUE):
            queues.setdefault(name.partition(",")[0], []).append(name)
    for operation, lengths in queues.items():
        yield f"{operation}: longest ÷ shortest queue", lengths[-1], lengths[0]


def _divided(name: str, a: Row, b: Row) -> Row:
    base, service = _quotient(a.base, b.base), _quotient(a.service, b.service)
    return Row(name, "x", a.better, base, service)


def _line(row: Row) -> str:
    mark = " *" if row.is_limited_by_generator else ""
    numbers = (row.base, row.service)
    cpu = (row.base_cpu_us, row.service_cpu_us)
    cells = [
        row.name + mark,
        row.unit,
        *map(_shown, numbers),
        _shown(row.ratio),
        row.better,
        *map(_shown, cpu),
    ]
    return f"| {' | '.join(cells)} |"


def _shown(value: float | None) -> str:
    """
    >>> [_shown(each) for each in (None, 0.987, 12.34, 56789.0)]
    ['-', '0.99', '12.3', '56,789']
    """
    if value is None:
        return "-"
    return f"{value:,.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def _median(values: list[float] | list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _quotient(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
