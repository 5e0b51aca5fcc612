"""Which secret keys are given, and refused where others could guess them.

For config.py. A key that nobody gave is made in the data folder and is a good one.
"""

from sioweb_project.exceptions import ConfigError

MINIMUM_CHARACTERS = 16  # fewer may be guessed
MINIMUM_DIFFERENT = 5  # "aaaaaaaaaaaaaaaa" is one character
# Examples, tutorials and start-project templates have these, or begin theirs so; small letters.
KNOWN = frozenset({"secret", "secret_key", "secret-key", "password", "default", "example", "test"})
KNOWN_STARTS = (
    "django-insecure-",
    "changeme",
    "change-me",
    "change_me",
    "change this",
    "your-secret",
    "your_secret",
    "replace-me",
)
ADVICE = (
    f"{MINIMUM_CHARACTERS} or more random characters (50 are better),"
    " or none at all: a key is then made in the data folder"
)


def check_secret_key(key: str, where: str) -> None:
    """Raises ConfigError, which does not show the key, for one that others know."""
    if key.lower() in KNOWN or key.lower().startswith(KNOWN_STARTS):
        raise ConfigError(
            f"{where} is *** (a key of examples, which others know); accepted: {ADVICE}"
        )


def weakness(key: str, where: str) -> str:
    """What to warn of; "" = nothing."""
    if len(key) < MINIMUM_CHARACTERS or len(set(key)) < MINIMUM_DIFFERENT:
        return f"{where} can be guessed, and with it every session; better: {ADVICE}"
    return ""
