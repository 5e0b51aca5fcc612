"""Runs a command with the variables of a file, as systemd's EnvironmentFile= reads it.

Arguments: the file, the command. Lines are NAME=value; a value may stand in quotes.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path


def variables(text: str) -> Iterator[tuple[str, str]]:
    for line in map(str.strip, text.splitlines()):
        name, is_variable, value = line.partition("=")
        if not is_variable or line[0] in "#;":
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        yield name.strip(), value


def main(file: str, *command: str) -> None:
    environment = {**os.environ, **dict(variables(Path(file).read_text("utf-8")))}
    os.execvpe(command[0], command, environment)  # noqa: S606, it is the purpose


if __name__ == "__main__":
    main(*sys.argv[1:])
