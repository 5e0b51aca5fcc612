"""Errors of the composition root; imports nothing of the project."""

import re

SHOWN_CHARACTERS = 60  # of a wrong value: enough to find it in the file
SECRET_NAMES = re.compile(r"pas|psw|pw|secr|key|tok|(?<!un)auth(?!_url_)|cert|ca$", re.IGNORECASE)
CREDENTIALS = re.compile(r"^(?P<scheme>[\w+.-]*:?//)?.*@", re.DOTALL)
# What stands for a port and is no number is a password whose "@host" was forgotten.
NO_PORT = re.compile(r"(?<=//)([^/:]*):(?=[^/]*[^0-9/])[^/]+")
QUERY = re.compile(r"\?.*", re.DOTALL)


class ConfigError(Exception):
    """A wrong option; its text is one line that names file, path, value and what is accepted."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


def refusal(source: object, path: str, value: object, accepted: str) -> ConfigError:
    """Build the one line for a wrong value; `path` is dotted, "" when `source` says it all.

    >>> str(refusal("config.yml", "production.port", "abc", "a whole number"))
    "config.yml: production.port is 'abc'; accepted: a whole number"
    >>> str(refusal("config.yml", "production.redis.password", True, "text"))
    'config.yml: production.redis.password is ***; accepted: text'
    """
    where = f"{source}: {path}" if path else f"{source}"
    return ConfigError(f"{where} is {shown(path or str(source), value)}; accepted: {accepted}")


def shown(path: str, value: object) -> str:
    """Return a value as an error may show it: short, on one line, and never a secret.

    >>> shown("redis.url", "redis://me:hunter2@example.com/x?password=hunter2")
    "'redis://***@example.com/x?***'"
    >>> shown("redis.pasword", "hunter2"), shown("redis", ["hunter2"])
    ('***', 'a list')
    """
    if SECRET_NAMES.search(path.rpartition(".")[2]):
        return "***"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return f"{value}"[:SHOWN_CHARACTERS]
    text = CREDENTIALS.sub(r"\g<scheme>***@", value)
    text = QUERY.sub("?***", NO_PORT.sub(r"\1:***", text))
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")
