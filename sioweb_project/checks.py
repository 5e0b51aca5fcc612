"""Django's system checks of the configuration: what starts, but is unwise.

What is plainly wrong never comes here; it is a ConfigError when the settings load.
`manage.py check` runs ALWAYS, `manage.py check --deploy` FOR_DEPLOYMENT as well.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from sioweb_project.config import Config
from sioweb_project.data_dir import KEY_FILE

GOOD_KEY_CHARACTERS = 50  # Django's own advice
SHORTEST_PING_SECONDS = 1.0
OTHERS = 0o007  # mode bits of those who are neither owner nor group
EVERY_ORIGIN = "*"

Check = Callable[..., list[CheckMessage]]


def _check(of_config: Callable[[Config], Iterator[CheckMessage]]) -> Check:
    """Make a Django check of a generator that looks at the configuration."""

    def check(**_: Any) -> list[CheckMessage]:
        return list(of_config(settings.CONFIG))

    check.__doc__ = of_config.__doc__
    return check


def options_without_effect(config: Config) -> Iterator[CheckMessage]:
    for text in config.warnings:
        yield CheckWarning(text, hint="See docs/configuration.md.", id="sioweb.W001")


def data_dir_open_to_others(config: Config) -> Iterator[CheckMessage]:
    if _is_open(config.data_dir):
        yield CheckWarning(
            f"Every user of this machine can look into {config.data_dir}.",
            hint=f"It holds messages and keys: chmod o-rwx {config.data_dir}",
            id="sioweb.W002",
        )


def secret_key_open_to_others(config: Config) -> Iterator[CheckMessage]:
    file = config.data_dir / KEY_FILE
    if _is_open(file):
        yield CheckWarning(
            f"Every user of this machine can read {file}.",
            hint=f"chmod 600 {file}",
            id="sioweb.W003",
        )


def secret_key_too_short(config: Config) -> Iterator[CheckMessage]:
    length = len(config.secret_key)
    if config.is_development or length >= GOOD_KEY_CHARACTERS:
        return
    yield CheckWarning(
        f"The secret key has {length} characters.",
        hint=f"Give SIOWEB_SECRET_KEY {GOOD_KEY_CHARACTERS} random characters or more, or none at"
        " all: a key is then made in the data folder. A new key ends all sessions, and API keys"
        " have to be made anew.",
        id="sioweb.W004",
    )


def pings_too_often(config: Config) -> Iterator[CheckMessage]:
    times = {
        "pingInterval": config.io.ping_interval_seconds,
        "pingTimeout": config.io.ping_timeout_seconds,
        "connectTimeout": config.io.connect_timeout_seconds,
    }
    for name, seconds in times.items():
        if seconds < SHORTEST_PING_SECONDS:
            yield CheckWarning(
                f"io.{name} is {seconds:g} seconds.",
                hint="The option is in milliseconds: 25000 is 25 seconds.",
                id="sioweb.W005",
            )


def credentials_for_every_origin(config: Config) -> Iterator[CheckMessage]:
    if config.io.cors_credentials and config.io.cors_allowed_origins == EVERY_ORIGIN:
        yield CheckWarning(
            "io.cors allows every website to connect with the cookies of its visitors.",
            hint="List the origins of your sites in io.cors.origin.",
            id="sioweb.W006",
        )


def embedded_redis(config: Config) -> Iterator[CheckMessage]:
    if config.redis.url is None:
        yield CheckWarning(
            "Messages are kept in an embedded Redis.",
            hint="It serves one machine, and may lose the last second when that fails.",
            id="sioweb.W007",
        )


def every_host_allowed(config: Config) -> Iterator[CheckMessage]:
    if EVERY_ORIGIN in config.allowed_hosts:
        yield CheckWarning(
            "The service answers to every host name.",
            hint="List its names in allowed_hosts of config.yml.",
            id="sioweb.W008",
        )


def admin_without_https(config: Config) -> Iterator[CheckMessage]:
    if not config.admin.is_https or not config.admin.hsts_seconds:
        yield CheckWarning(
            "The admin may be opened by plain http, where others can read passwords.",
            hint="Put a proxy with TLS in front, and say `admin: {https: true}` in config.yml.",
            id="sioweb.W009",
        )


def _is_open(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & OTHERS)


ALWAYS = tuple(
    map(
        _check,
        (
            options_without_effect,
            data_dir_open_to_others,
            secret_key_open_to_others,
            secret_key_too_short,
            pings_too_often,
            credentials_for_every_origin,
        ),
    )
)
FOR_DEPLOYMENT = tuple(map(_check, (embedded_redis, every_host_allowed, admin_without_https)))
