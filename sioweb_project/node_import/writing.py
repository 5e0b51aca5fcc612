"""The imported files into the configuration folder, without losing what is there.

Plans first and writes then, both files or none: a conflict in one leaves the other alone, and so
does a failure. May import exceptions.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
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


def write(files: list[NewFile]) -> list[Path | None]:
    """Put the files down, all of them or none; return where each former one is kept.

    1. write each beside its place; 2. keep the former ones under a second name; 3. replace. What
    fails then, such as a file that is mounted on its own, brings back those that were replaced.
    For their owner only, as keys and passwords stand in them. Raises ConfigError.
    """
    with ExitStack() as drafts, ExitStack() as undo:
        written = [_draft(each, drafts) for each in files]
        kept = [_keep(each.path, undo) if each.is_there else None for each in files]
        for new, draft, former in zip(files, written, kept, strict=True):
            with _told(new.path):
                draft.replace(new.path)
            if former is None:
                undo.callback(new.path.unlink)
            else:
                undo.callback(former.replace, new.path)
        undo.pop_all()
    return kept


def _draft(new: NewFile, drafts: ExitStack) -> Path:
    with _told(new.path):
        new.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{new.path.name}-", dir=new.path.parent)
        draft = Path(name)
        drafts.callback(draft.unlink, missing_ok=True)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(new.text)
    return draft


def _keep(path: Path, undo: ExitStack) -> Path:
    kept = _free_name(path)
    with _told(path):
        os.link(path, kept)
    undo.callback(kept.unlink, missing_ok=True)
    return kept


def _read(path: Path) -> str | None:
    with _told(path):
        try:
            return path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return None


def _free_name(path: Path) -> Path:
    """Return `config.yml.bak`, or `config.yml.bak2` and so on, so that no backup is lost."""
    names = (path.with_name(f"{path.name}.bak{i if i > 1 else ''}") for i in count(1))
    return next(each for each in names if not each.exists())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raises ConfigError in place of what the system says."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be used ({error.strerror}); accepted: a folder that this user may"
            " write to (SIOWEB_CONFIG_DIR chooses it)"
        ) from error
