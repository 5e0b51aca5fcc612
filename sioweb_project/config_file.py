"""config.yml to plain mappings: reads the YAML and picks the environment's section.

First stop of the configuration; says nothing about single options. Scalars are
read as the Node service's YAML library reads them (YAML 1.2): `1e6` and `0xFFF`
are numbers, `no`, `0123` and `12:30` are text. Imports exceptions only.
"""

import difflib
import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import cast

import yaml

from sioweb_project.exceptions import ConfigError, refusal

# Tags of values that options cannot have; and what PyYAML's messages quote from the file,
# where it may be a piece of a password.
NO_JSON_TAGS = {
    f"tag:yaml.org,2002:{tag}" for tag in ("binary", "omap", "pairs", "set", "timestamp")
}
QUOTED = re.compile(r"'[^']{3,}'")
NUMBER_STARTS = list("-+.0123456789")
# Sections that need not be in the file: their options are then the defaults.
BUILT_IN_ENVIRONMENTS = ("development", "production")
MISSPELT = 0.8  # how alike; `prod` and `develop` may be meant


def read_section(file: Path, environment: str, option_names: frozenset[str]) -> dict[str, object]:
    """Return the options of one environment; {} when the file or the section is missing.

    Raises ConfigError when the file cannot be read, is no YAML mapping, has one of
    `option_names` outside of a section, or lacks a section of another name than the
    built-in ones.
    """
    sections = _sections(file, option_names - {environment})
    if sections and environment not in (*sections, *BUILT_IN_ENVIRONMENTS):
        raise ConfigError(
            f"{file}: {environment} is not a section of this file (chosen by SIOWEB_ENV or"
            f" NODE_ENV); accepted: {', '.join(sorted({*sections, *BUILT_IN_ENVIRONMENTS}))}"
        )
    section = _mapping(file, environment, sections.get(environment), "a mapping of options")
    return _without_aliases(file, environment, section)


def section_names(file: Path, option_names: frozenset[str]) -> list[str]:
    """Return the environments of the file, in its order. Raises ConfigError as read_section."""
    return list(_sections(file, option_names))


def misspelt_section(file: Path, environment: str, option_names: frozenset[str]) -> str:
    """Return the name under which a section that is not there seems to stand, "" = under none."""
    names = section_names(file, option_names - {environment})
    close = difflib.get_close_matches(environment, names, n=1, cutoff=MISSPELT)
    return close[0] if close and environment not in names else ""


def _sections(file: Path, option_names: frozenset[str]) -> dict[str, object]:
    sections = _mapping(file, "", _read_yaml(file), "a mapping of environments to options")
    for name in sections.keys() & option_names:
        raise refusal(file, name, sections[name], "below an environment, such as production")
    return sections


def _mapping(file: Path, path: str, value: object, accepted: str) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refusal(file, path or "the whole file", value, accepted)
    return value


def _without_aliases(file: Path, path: str, section: dict[str, object]) -> dict[str, object]:
    """Copy the section, so that each option is a value of its own. Raises ConfigError if it
    contains itself.
    """
    try:
        return cast("dict[str, object]", json.loads(json.dumps(section)))
    except ValueError as error:
        raise ConfigError(
            f"{file}: {path} contains itself by an alias (*); accepted: a tree"
        ) from error


def _read_yaml(file: Path) -> object:
    try:
        return yaml.load(_read_text(file), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, KeyError) as error:  # the last two: `!!int x`, `!!bool x`
        raise _invalid_yaml(file, error) from error
    except RecursionError as error:
        raise ConfigError(f"{file}: nested too deeply; accepted: YAML of a few levels") from error


def _read_text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}); accepted: a readable YAML file"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{file}: line {line} has the byte 0x{error.object[error.start]:02x};"
            " accepted: UTF-8 text"
        ) from error


def _invalid_yaml(file: Path, error: Exception) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}" if mark else "the file"
    problem = getattr(error, "problem", None) or getattr(error, "reason", "a wrong value")
    problem = QUOTED.sub("***", str(problem))
    return ConfigError(f"{file}: {line} is not valid YAML ({problem}); accepted: YAML 1.2")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars, text keys, and no key twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    yaml_constructors = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag not in NO_JSON_TAGS
    }

    def compose_mapping_node(self, anchor: dict[str, yaml.Node]) -> yaml.MappingNode:
        # Checked here and not while constructing: by then merge keys (<<) may have been
        # unfolded, and what a merge brings may well be overridden.
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _bad_key("a key that is not text", key)
            if key.value in seen:
                raise _bad_key(f"the key {key.value} a second time", key)
            seen.add(key.value)
        return node

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def _construct_int(_loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value, 16 if node.value.startswith("0x") else 10)


def _construct_float(_loader: _Loader, node: yaml.ScalarNode) -> int | float:
    """JavaScript has one kind of number: 1e6 and 5.0 are whole."""
    number = float(node.value)
    return int(number) if number.is_integer() else number


def _bad_key(problem: str, key: yaml.Node) -> yaml.YAMLError:
    return yaml.composer.ComposerError(problem=problem, problem_mark=key.start_mark)


def _resolve(tag: str, pattern: str, first: list[str]) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


_resolve("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])
_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF"))
_resolve("merge", r"^<<$", ["<"])
_resolve("int", r"^(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$", NUMBER_STARTS)
_resolve(
    "float",
    r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
    NUMBER_STARTS,
)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)
