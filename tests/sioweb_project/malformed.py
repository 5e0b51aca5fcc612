"""Loading a malformed configuration, and what every refusal has in common."""

from pathlib import Path

import pytest

from sioweb_project.config import ConfigError, load_config

SECRET = "hunter2-hunter2"  # no line may show it
Cases = dict[str, tuple[str, str]]  # name: (input, how the line begins)


def refuse(folder: Path, content: bytes, **environ: str) -> str:
    """Return the one line that the file or the variables are refused with."""
    (folder / "config.yml").write_bytes(content)
    given = {"SIOWEB_CONFIG_DIR": str(folder), "SIOWEB_DATA_DIR": str(folder / "var"), **environ}
    with pytest.raises(ConfigError) as caught:
        load_config(given)
    return str(caught.value)


def refuse_production(folder: Path, section: str) -> str:
    """The same for the options of production, without the file's name."""
    line = refuse(folder, f"production:\n  {section}\n".encode())
    assert_one_safe_line(line)
    file = f"{folder}/config.yml: "
    assert line.startswith(file)
    return line.removeprefix(file)


def assert_one_safe_line(line: str) -> None:
    assert "\n" not in line
    assert "accepted: " in line
    assert len(line) < 600
    assert SECRET not in line
