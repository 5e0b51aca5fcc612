"""The results as bars: how many times as good the service is as what it is compared with."""

from pathlib import Path
from xml.sax.saxutils import escape

from tests.bench.results import Results, Row

WIDTH, NAMES_WIDTH, ROW_HEIGHT, TOP = 860, 300, 24, 54
NUMBERS_WIDTH = 60
MOST_SHOWN = 4.0  # times as good; a longer bar ends there
BAR_HEIGHT = 14
COLORS = {True: "#2a7f62", False: "#b5533c"}  # at least as good, less good
FONT = "font-family='system-ui, sans-serif' font-size='13'"


def write_chart(file: Path, results: Results) -> None:
    rows = [row for row in results.rows() if row.advantage is not None]
    height = TOP + ROW_HEIGHT * len(rows) + 12
    one = _x(1.0)
    title = f"{results.service_name} against {results.base_name}: times as good, 1 = the same"
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {FONT}>",
        f"<rect width='{WIDTH}' height='{height}' fill='white'/>",
        f"<text x='12' y='24' font-weight='bold'>{escape(title)}</text>",
        *(line for number, row in enumerate(rows) for line in _bar(number, row)),
        f"<line x1='{one}' x2='{one}' y1='{TOP - 8}' y2='{height - 8}' stroke='#333'/>",
        f"<text x='{one}' y='{TOP - 12}' text-anchor='middle'>1</text>",
        "</svg>",
    ]
    file.write_text("\n".join(lines) + "\n")


def _bar(number: int, row: Row) -> list[str]:
    assert row.advantage is not None
    y = TOP + ROW_HEIGHT * number
    end = _x(min(row.advantage, MOST_SHOWN))
    color = COLORS[row.advantage >= 1]
    return [
        f"<text x='{NAMES_WIDTH - 8}' y='{y + 12}' text-anchor='end'>{escape(row.name)}</text>",
        f"<rect x='{NAMES_WIDTH}' y='{y}' width='{end - NAMES_WIDTH}' height='{BAR_HEIGHT}'"
        f" fill='{color}'/>",
        f"<text x='{end + 6}' y='{y + 12}'>{row.advantage:.2f}</text>",
    ]


def _x(advantage: float) -> int:
    return NAMES_WIDTH + round(advantage / MOST_SHOWN * (WIDTH - NAMES_WIDTH - NUMBERS_WIDTH))
