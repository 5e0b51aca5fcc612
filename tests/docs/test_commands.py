"""The commands that the documentation names are those that there are."""

import re
import shlex
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class

from sioweb_project.config import PROJECT_DIR
from tests.docs.commands import elsewhere_of, is_harmless, scripts
from tests.docs.elsewhere import COMMANDS, PAGES
from tests.docs.pages import all_pages, inline_code

MAKEFILE = (PROJECT_DIR / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z]+) \?=", MAKEFILE, re.MULTILINE))
MAKE = re.compile(r"(?:[A-Z][A-Z0-9_]*=\S+ )*make (?P<target>[a-z-]+)(?P<rest>(?: .*)?)")
GIVEN = re.compile(r"\b([A-Z]+)=")
MANAGE = re.compile(r"(?:.*[ /])?manage\.py (?P<arguments>[a-z_]+(?: .*)?)")
OPTION = re.compile(r"--[a-z][a-z-]*")


def said() -> Iterator[tuple[str, str]]:
    """Place and text of every command, in blocks or within a text."""
    for script in scripts():
        yield from ((str(script), line) for line in script.lines)
    for page in all_pages():
        yield from ((f"{page}:{line}", text) for line, text in inline_code(page))


def test_every_make_target_is_in_the_makefile() -> None:
    found = [(place, MAKE.fullmatch(text)) for place, text in said()]
    named = [(place, match) for place, match in found if match]
    assert named
    for place, match in named:
        assert match["target"] in TARGETS, place
        assert set(GIVEN.findall(match["rest"].partition("#")[0])) <= VARIABLES, place


def test_every_command_of_manage_py_takes_the_options_it_is_given() -> None:
    found = [(place, MANAGE.fullmatch(text)) for place, text in said()]
    named = [(place, match["arguments"].split()) for place, match in found if match]
    assert named
    commands = get_commands()
    for place, (name, *arguments) in named:
        assert name in commands, place
        app = commands[name]
        command = load_command_class(app, name) if isinstance(app, str) else app
        known = command.create_parser("manage.py", name).format_help()
        for option in OPTION.findall(" ".join(arguments)):
            assert option in known, f"{place}: {option}"


@pytest.mark.parametrize("runner", [*COMMANDS.values(), *PAGES.values()])
def test_what_runs_a_command_elsewhere_is_there(runner: str) -> None:
    if runner.startswith("make "):
        assert shlex.split(runner)[1] in TARGETS
    else:
        assert (PROJECT_DIR / runner).is_file()


def test_commands_are_found() -> None:
    """Those that tests/e2e/test_docs_commands.py runs."""
    assert {"README.md", "docs/http.md"} <= {each.block.page for each in scripts() if each.here}


def test_what_runs_beside_the_service_can_do_no_harm() -> None:
    """Anything else is for tests/docs/elsewhere.py."""
    lines = [(str(each), line) for each in scripts() for line in each.here.splitlines()]
    assert [each for each in lines if not is_harmless(each[1])] == []


def test_no_command_is_listed_that_the_documentation_does_not_have() -> None:
    used = {elsewhere_of(line) for script in scripts() for line in script.lines}
    assert set(COMMANDS) - used == set()
    assert set(PAGES) <= set(all_pages())
