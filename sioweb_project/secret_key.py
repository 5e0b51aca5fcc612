"""Which secret keys are given, and refused where others could guess them.

For config.py. A key that nobody gave is made in the data folder and is a good one.
"""

from pathlib import Path

from sioweb_project.exceptions import ConfigError

MINIMUM_CHARACTERS = 16  # fewer can be guessed
MINIMUM_DIFFERENT = 5  # "aaaaaaaaaaaaaaaa" is one character
# How examples, tutorials and start-project templates begin theirs, in small letters.
KNOWN_STARTS = (
    "django-insecure-",
    "changeme",
    "change-me",
    "change_me",
    "change this",
    "secret",
    "your-secret",
    "your_secret",
    "password",
    "replace",
    "insecure",
    "example",
    "default",
)
ACCEPTED = (
    f"{MINIMUM_CHARACTERS} or more random characters (50 are better),"
    " or none at all: a key is then made in the data folder"
)


def check_secret_key(key: str, file: Path, environment: str, *, is_variable: bool) -> None:
    """Raises ConfigError, which does not show the key, for one that others know or can guess."""
    problem = _problem(key)
    if problem:
        where = "SIOWEB_SECRET_KEY" if is_variable else f"{file}: {environment}.secret_key"
        raise ConfigError(f"{where} is *** ({problem}); accepted: {ACCEPTED}")


def _problem(key: str) -> str:
    if len(key) < MINIMUM_CHARACTERS:
        return f"{len(key)} characters"
    if key.lower().startswith(KNOWN_STARTS):
        return "a key of examples, which others know"
    if len(set(key)) < MINIMUM_DIFFERENT:
        return "the same few characters again and again"
    return ""
