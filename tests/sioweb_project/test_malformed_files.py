"""A config.yml that is no such file gives one line, and `manage.py` ends with code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from sioweb_project.config import PROJECT_DIR, ConfigError, load_config
from tests.sioweb_project.malformed import SECRET, assert_one_safe_line, refuse

FILES = {
    "a list": (b"- a\n- b\n", "the whole file is a list; accepted: a mapping of environments"),
    "a word": (b"production\n", "the whole file is 'production'; accepted: a mapping of"),
    "a section that is a number": (
        b"production: 80\n",
        "production is 80; accepted: a mapping of options",
    ),
    "an option outside of a section": (
        b"port: 80\n",
        "port is 80; accepted: below an environment, such as production",
    ),
    "a mapping outside of a section": (
        b"production: {}\nredis: {host: a}\n",
        "redis is a mapping; accepted: below an environment",
    ),
    "an open bracket": (b"production:\n  io: {a: [1\n", "line 3 is not valid YAML"),
    "a tab": (b"production:\n\tport: 80\n", "line 2 is not valid YAML (found character '\\t'"),
    "a key twice": (
        b"production:\n  port: 80\n  port: 81\n",
        "line 3 is not valid YAML (the key port a second time)",
    ),
    "a section twice": (
        b"production: {}\nproduction: {}\n",
        "line 2 is not valid YAML (the key production a second time)",
    ),
    "a key that is a list": (b"? [a]\n: 1\n", "line 1 is not valid YAML (a key that is not text)"),
    "an unknown alias": (
        f"production:\n  secret_key: *{SECRET}\n".encode(),
        "line 2 is not valid YAML (found undefined alias ***)",
    ),
    "a tag of Python": (
        b"production: !!python/object:os.system {}\n",
        "line 1 is not valid YAML (could not determine a constructor for the tag ***)",
    ),
    "a tag that does not fit": (
        b"production: {port: !!int abc}\n",
        "the file is not valid YAML (a wrong value); accepted: YAML 1.2",
    ),
    "two documents": (b"production: {}\n---\na: 1\n", "line 2 is not valid YAML"),
    "itself": (b"production: &a\n  io: *a\n", "production contains itself by an alias"),
    "a deep hole": (b"[" * 5000, "nested too deeply"),
    "a control character": (b"production: \x01\n", "the file is not valid YAML"),
    "Latin-1": (
        b"production:\n  host: caf\xe9\n",
        "line 2 has the byte 0xe9; accepted: UTF-8 text",
    ),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES)
def test_unreadable_file_is_refused_with_its_line(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    line = refuse(tmp_path, content)
    assert line.startswith(f"{tmp_path}/config.yml: {expected}")
    assert_one_safe_line(line)


def test_unknown_environment_is_refused_with_the_sections_there_are(tmp_path: Path) -> None:
    line = refuse(tmp_path, b"staging: {}\n", SIOWEB_ENV="stagin")
    assert line == (
        f"{tmp_path}/config.yml: stagin is not a section of this file (chosen by SIOWEB_ENV or"
        " NODE_ENV); accepted: development, production, staging"
    )


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yml").mkdir()
    with pytest.raises(ConfigError) as caught:
        load_config({"SIOWEB_CONFIG_DIR": str(tmp_path)})
    assert str(caught.value) == (
        f"{tmp_path}/config.yml: cannot be read (Is a directory); accepted: a readable YAML file"
    )


@pytest.mark.parametrize(
    ("content", "warned"),
    [("prodution: {port: 80}", True), ("prod: {port: 80}", False), ("development: {}", False)],
)
def test_section_that_is_not_there_under_its_name_is_a_warning(
    tmp_path: Path, content: str, warned: bool
) -> None:
    (tmp_path / "config.yml").write_text(content)
    config = load_config({"SIOWEB_CONFIG_DIR": str(tmp_path), "SIOWEB_DATA_DIR": str(tmp_path)})
    text = f"{tmp_path}/config.yml: no section production, but prodution; every option has its"
    assert [warning.startswith(text) for warning in config.warnings] == [True] * warned


@pytest.mark.parametrize("content", [b"production: {prot: 80}\n", b"production: [\n"])
def test_manage_py_ends_with_code_2_and_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.yml").write_bytes(content)
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT_DIR,
        env={"SIOWEB_CONFIG_DIR": str(tmp_path), "SIOWEB_DATA_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"{tmp_path}/config.yml: ")
    assert result.stderr.count("\n") == 1
