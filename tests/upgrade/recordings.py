"""Which recordings there are: one of each release that wrote something new, and one of what the
next will write, if that is another."""

from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"
NEXT = "next"


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def all_recordings() -> list[Path]:
    """Return them from the oldest to the newest."""
    return sorted(FOLDER.glob("*.json"), key=_version)


def _version(path: Path) -> list[float]:
    """
    >>> _version(path_of("1.9.0")) < _version(path_of("1.10.0")) < _version(path_of(NEXT))
    True
    """
    return [float("inf")] if path.stem == NEXT else [float(part) for part in path.stem.split(".")]
