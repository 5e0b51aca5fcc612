"""Where sites are described outside the database: sites.yml, or variables for one site.

First stop of seeding; what is read goes through `sites.entries`. YAML is read here only.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from django.conf import settings

from sites.entries import SiteEntry, SitesFileError, check_entries, show_value

FILE_NAME = "sites.yml"
ENVIRONMENT_ORIGIN = "environment"
# The Node service's variables for a single site.
NAME_VARIABLE = "SITE_NAME"
VARIABLES = {
    "AUTH_URL": "authUrl",
    "AUTH_SCHEME": "authScheme",
    "API_KEY": "apiKey",
    "USER_ROOM_PREFIX": "userRoomPrefix",
    "UPDATE_USER_URL": "updateUserUrl",
    "PUBLIC_CHANNEL": "publicChannel",
}
BOOLEAN_TAG = "tag:yaml.org,2002:bool"
TEXT_TAGS = (BOOLEAN_TAG, "tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp")
BOOLEAN = re.compile("^(?:true|True|TRUE|false|False|FALSE)$")
# PyYAML quotes these in its messages as they stand in the file; one may be half a key.
QUOTED_IN_MESSAGES = ("alias", "anchor", "tag")


class SitesLoader(yaml.SafeLoader):
    """YAML in which whole numbers and dates stay text, and a name occurs once a mapping.

    As a number, `apiKey: 012` would be 10 and `1_000` would be 1000, and nobody could
    tell any more what stands in the file and in the sender's configuration. `no` and `on`
    are names of sites as any other, which YAML 1.2 has as text.
    """

    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] not in TEXT_TAGS]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: object) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)  # type: ignore[arg-type]  # the stub is wrong
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{show_value(key.value)} is there twice", problem_mark=key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
        return node


SitesLoader.add_implicit_resolver(BOOLEAN_TAG, BOOLEAN, list("tTfF"))


def read_sites_given(environ: Mapping[str, str] = os.environ) -> dict[str, SiteEntry]:
    """Read the site of the environment if it names one, else all of sites.yml.

    Raises SitesFileError.
    """
    if environ.get(NAME_VARIABLE):
        return read_environment(environ)
    return read_sites_file(default_path())


def default_path() -> Path:
    return Path(settings.CONFIG.config_dir) / FILE_NAME


def read_environment(environ: Mapping[str, str]) -> dict[str, SiteEntry]:
    """Read the one site that SITE_NAME, AUTH_URL and the others describe; empty means not set."""
    fields = {field: environ[name] for name, field in VARIABLES.items() if environ.get(name)}
    return check_entries({environ[NAME_VARIABLE]: fields}, ENVIRONMENT_ORIGIN, _variable_name)


def read_sites_file(path: Path) -> dict[str, SiteEntry]:
    """Read a sites.yml; none at all, or an empty one, is no sites. Raises SitesFileError."""
    data = load_sites_file(path)
    return check_entries({} if data is None else data, str(path))


def load_sites_file(path: Path) -> object:
    """Return what the YAML says, unchecked; None if there is none. Raises SitesFileError."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SitesFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SitesFileError(f"{path}: is no UTF-8 text at byte {error.start}") from None
    return _parse(text, path)


def _parse(text: str, path: Path) -> object:
    """Return what the YAML says. The errors' causes are cut off: they quote the file."""
    try:
        loader = SitesLoader(text)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        raise SitesFileError(f"{path}: {_place(error)}{_problem(error)}") from None
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise SitesFileError(f"{path}: invalid YAML: {getattr(error, 'reason', '')}") from None
    except RecursionError:
        raise SitesFileError(f"{path}: invalid YAML: nested too deeply") from None
    except (AttributeError, LookupError, ValueError):  # from PyYAML's own constructors
        raise SitesFileError(f"{path}: invalid YAML: a !!tag does not fit its value") from None


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be read"
    for word in QUOTED_IN_MESSAGES:
        if f" {word} " in problem:
            return f"invalid YAML: unknown or repeated {word}; quotes are needed around *, & and !"
    return f"invalid YAML: {problem}"


def _variable_name(path: tuple[int | str, ...]) -> str:
    """Turn `("newsite", "authUrl")` into `AUTH_URL`, and the place of a name into SITE_NAME."""
    return next((name for name, field in VARIABLES.items() if field == path[-1]), NAME_VARIABLE)
