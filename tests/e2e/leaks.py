"""What no line of a service's output may show: keys, tokens, and arguments of messages.

Whoever makes one up in these tests says so here: the fake site its tokens, an installation
its keys and passwords, a sender its arguments. `Service.stop` then looks through all that
the service has written, so that no test can leave it out.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

SECRET_OPTIONS = re.compile(r"key|token|pass|secret", re.IGNORECASE)
# Shorter ones stand in the output by chance, as parts of numbers or words.
MIN_CHARACTERS = 5
MIN_ARGUMENT_CHARACTERS = 8  # "hello" is nobody's secret
ADDRESS = re.compile(r"(127\.0\.0\.1|localhost):\d+")  # a port may look like the key 54321

_secrets: set[str] = set()  # of this test process


def keep_secret(*texts: object) -> None:
    _secrets.update(str(text) for text in texts if len(str(text)) >= MIN_CHARACTERS)


def keep_arguments(*arguments: object) -> None:
    keep_secret(*(text for text in _texts(arguments) if len(text) >= MIN_ARGUMENT_CHARACTERS))


def keep_options(options: Mapping[str, Any]) -> None:
    """Keep what stands in sites.yml or config.yml under the name of a secret."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            keep_options(value)
        elif SECRET_OPTIONS.search(name) and not isinstance(value, bool):
            keep_secret(*(value if isinstance(value, list) else [value]))


def assert_no_secrets(output: str) -> None:
    output = ADDRESS.sub(r"\1", output)
    # A pattern of all that there are takes seconds to compile; hardly ever is any there at all.
    there = sorted((each for each in _secrets if each in output), key=len, reverse=True)
    if not there:
        return
    either = "|".join(map(re.escape, there))
    found = re.compile(rf"(?<![\w-])(?:{either})(?![\w-]|\.\d)")
    for line in output.splitlines():
        secret = found.search(line)
        assert secret is None, f"the output shows the secret {secret[0]!r}: {line}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
