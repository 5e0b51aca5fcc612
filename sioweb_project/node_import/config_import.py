"""The Node service's config.yml to ours: the same options, but for what has no meaning here.

May import the configuration's own modules, which check what is taken over.
"""

from collections.abc import Iterator
from pathlib import Path

from sioweb_project.config import DEVELOPMENT, OPTION_NAMES
from sioweb_project.config_file import read_section, section_names
from sioweb_project.config_schema import SectionOptions, parse_section, unknown_options
from sioweb_project.exceptions import shown
from sioweb_project.io_config import io_warnings
from sioweb_project.node_import.findings import Finding
from sioweb_project.node_options import without_meaning
from sioweb_project.redis_config import RedisOptions

Section = dict[str, object]
Sections = dict[str, Section]

WHY_LEFT_OUT = {
    "servers": "the machines that its deployment knew; see config/fabfile.py.example",
    "winston": "settings of its logging library; see docs/logs.md",
}
LIBRARIES = {"redis": "node_redis", "io": "Socket.IO"}
UNKNOWN = "no option of the Node service, of its libraries or of this service"


def import_config(file: Path) -> tuple[Sections, list[Finding]]:
    """Return `{environment: options}` and what became of each option. Raises ConfigError."""
    sections: Sections = {}
    findings: list[Finding] = []
    for name in section_names(file, OPTION_NAMES):
        sections[name] = section = read_section(file, name, OPTION_NAMES)
        findings += _import_section(file, name, section)
    return sections, findings


def is_of_later_version(sections: Sections) -> bool:
    return any("device_ttl" in section for section in sections.values())


def _import_section(file: Path, name: str, section: Section) -> Iterator[Finding]:
    """Change the section in place to what it is to be here."""
    if not section:
        yield Finding("=", name, "empty, every option has its default")
    for path in without_meaning(section):
        yield Finding("-", f"{name}.{path}", _why_left_out(path))
    for names in unknown_options(section):
        _remove(section, names)
        yield Finding("-", ".".join([name, *names]), UNKNOWN)
    options = parse_section(file, name, section)
    yield from (Finding("=", path, shown(path, value)) for path, value in _leaves(name, section))
    yield from _differences(name, section, options)


def _why_left_out(path: str) -> str:
    mapping, _, _ = path.partition(".")
    library = LIBRARIES.get(mapping, "Node")
    return WHY_LEFT_OUT.get(path, f"an option of {library} that has no meaning here")


def _remove(section: Section, names: tuple[str, ...]) -> None:
    *path, last = names
    mapping = section
    for each in path:
        below = mapping[each]
        assert isinstance(below, dict)  # noqa: S101 - the schema has found `last` in it
        mapping = below
    del mapping[last]


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _leaves(f"{path}.{name}", below)
    elif not isinstance(value, dict):
        yield path, value


def _differences(name: str, section: Section, options: SectionOptions) -> Iterator[Finding]:
    """Tell what an option that is taken over does otherwise here."""
    if options.device_ttl == 0:
        text = "0 keeps messages for ever, as was written of it; Node took it for 3600"
        yield Finding("~", f"{name}.device_ttl", text)
    if isinstance(options.redis, RedisOptions):
        yield from (Finding("~", name, text) for text in options.redis.warnings())
    yield from (Finding("~", name, text) for text in io_warnings(options.io))
    if name == DEVELOPMENT and options.redis is None:
        text = "not said: an embedded Redis is started, where Node used 127.0.0.1:6379"
        yield Finding("~", f"{name}.redis", text)
    if name == DEVELOPMENT and "host" not in section:
        text = "not said: 127.0.0.1, where Node listened on every interface"
        yield Finding("~", f"{name}.host", text)
