"""Where an existing Node service has its files: in its folder, or in config/ below it.

Its versions differ in that. May import exceptions.
"""

from dataclasses import dataclass
from pathlib import Path

from sioweb_project.exceptions import ConfigError

CONFIG_FILE, SITES_FILE = "config.yml", "sites.yml"


@dataclass(frozen=True)
class NodeFiles:
    """None = there is no such file: its options have their defaults, or there are no sites."""

    config: Path | None
    sites: Path | None


def find_files(folder: Path) -> NodeFiles:
    """Raises ConfigError when there is nothing to read, or when it is not clear what."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: is no folder; accepted: the folder of a Node service")
    files = NodeFiles(_find(folder, CONFIG_FILE), _find(folder, SITES_FILE))
    if files == NodeFiles(None, None):
        raise ConfigError(
            f"{folder}: has no {CONFIG_FILE} and no {SITES_FILE}, nor has config/ below it;"
            " accepted: the folder of a Node service"
        )
    return files


def _find(folder: Path, name: str) -> Path | None:
    found = [file for file in (folder / name, folder / "config" / name) if file.is_file()]
    if len(found) == 2 and found[0].read_bytes() != found[1].read_bytes():
        raise ConfigError(
            f"{folder}: has two different files {name}, in it and in config/ below it; accepted:"
            " one, so remove the one that the Node service does not read"
        )
    return found[0] if found else None
