"""Examples of configuration and code in the documentation are what their readers accept."""

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from sioweb_project.config import OPTION_NAMES, load_config
from sioweb_project.config_file import BUILT_IN_ENVIRONMENTS
from sites.sites_file import read_sites_file
from tests.docs.commands import SHELLS
from tests.docs.pages import Block, all_blocks
from tests.needs import missing

PARSED = {"json", "yml", "yaml", "js", "javascript", "python", "py"}
# For people to read, or read by a program that a test of its own starts with the whole file.
NOT_PARSED = {"", "text", "http", "nginx", "ini", "html", "nft", "sql", "promql"}


def written_in(*languages: str) -> list[Block]:
    return [block for block in all_blocks() if block.language in languages]


def test_every_language_is_known() -> None:
    known = PARSED | NOT_PARSED | SHELLS
    assert [str(block) for block in all_blocks() if block.language not in known] == []


@pytest.mark.parametrize("block", written_in("json", "python", "py"), ids=str)
def test_json_and_python_are_what_they_say(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    else:
        ast.parse(block.text)


@pytest.mark.parametrize("block", written_in("yml", "yaml"), ids=str)
def test_configuration_is_accepted_without_a_warning(block: Block, tmp_path: Path) -> None:
    names = set(yaml.safe_load(block.text))
    if names <= OPTION_NAMES:
        config_of("production:\n" + indented(block.text), tmp_path)
    elif names <= set(BUILT_IN_ENVIRONMENTS):
        config_of(block.text, tmp_path)
    else:
        (tmp_path / "sites.yml").write_text(block.text)
        assert set(read_sites_file(tmp_path / "sites.yml")) == names


def config_of(text: str, folder: Path) -> None:
    (folder / "config.yml").write_text(text)
    own = {"SIOWEB_CONFIG_DIR": str(folder), "SIOWEB_DATA_DIR": str(folder / "var")}
    assert load_config(own).warnings == ()


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def test_javascript_is_javascript(tmp_path: Path) -> None:
    found = written_in("js", "javascript")
    assert found
    if shutil.which("node") is None:
        missing("Node")
    for number, block in enumerate(found):
        file = tmp_path / f"{number}.mjs"
        file.write_text(block.text)
        run = subprocess.run(["node", "--check", file], capture_output=True, text=True, timeout=30)
        assert run.returncode == 0, f"{block}: {run.stderr}"
