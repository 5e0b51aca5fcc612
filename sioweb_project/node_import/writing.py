"""The imported files into the configuration folder, without losing what is there.

Plans first and writes then, so that a conflict in one file leaves the other alone. May import
exceptions.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import yaml

from sioweb_project.exceptions import ConfigError

HEADER = "# Taken over from a Node service by manage.py import_node.\n"
PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class _Dumper(yaml.SafeDumper):
    """Texts in quotes unless they are words: what reads them takes more for numbers than PyYAML."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if PLAIN.fullmatch(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


@dataclass(frozen=True)
class NewFile:
    path: Path
    text: str
    is_there: bool  # something else is

    def __str__(self) -> str:
        return f"{self.path}: {'is replaced' if self.is_there else 'is made'}"

    @property
    def need(self) -> str:
        """The options with which it is written."""
        return "with --force" if self.is_there else "without --dry-run"


def plan(folder: Path, files: Mapping[str, object]) -> list[NewFile]:
    """Return the files to write; those that say the same already are left out.

    Raises ConfigError where the folder cannot be used.
    """
    plans = []
    for name, content in files.items():
        path = folder / name
        text = HEADER + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        former = _read(path)
        if former != text:
            plans.append(NewFile(path, text, is_there=former is not None))
    return plans


def refuse_to_replace(files: list[NewFile]) -> None:
    """Raises ConfigError where one would replace another."""
    for new in files:
        if new.is_there:
            raise ConfigError(
                f"{new.path}: is there already and says something else; accepted: --force, which"
                f" keeps it as {_free_name(new.path).name}, or another folder (SIOWEB_CONFIG_DIR)"
            )


def write(new: NewFile) -> Path | None:
    """Put the file down, all of it or nothing; return where the former one is kept.

    For its owner only, as keys and passwords stand in it. Raises ConfigError.
    """
    try:
        new.path.parent.mkdir(parents=True, exist_ok=True)
        kept = _keep(new.path) if new.is_there else None
        _replace(new.path, new.text)
    except OSError as error:
        raise _unusable(new.path, error) from error
    return kept


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def _keep(path: Path) -> Path:
    kept = _free_name(path)
    os.link(path, kept)
    return kept


def _free_name(path: Path) -> Path:
    """Return `config.yml.bak`, or `config.yml.bak2` and so on, so that no backup is lost."""
    names = (path.with_name(f"{path.name}.bak{i if i > 1 else ''}") for i in count(1))
    return next(each for each in names if not each.exists())


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path}: cannot be used ({error.strerror}); accepted: a folder that this user may write"
        " to (SIOWEB_CONFIG_DIR chooses it)"
    )
