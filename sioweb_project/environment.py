"""The process's environment variables: ours, and those of the Node service.

What stands here overrides config.yml. Ours win over Node's. An empty variable
counts as none. May import the schemas and exceptions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sioweb_project.config_schema import PORTS, SECONDS
from sioweb_project.database_settings import DATABASE_URLS, check_database_url
from sioweb_project.exceptions import refusal
from sioweb_project.options import MAX_INT32, bounded
from sioweb_project.redis_address import parse_redis_url
from sioweb_project.redis_config import EMBEDDED, REDIS_URLS

PROJECT_DIR = Path(__file__).resolve().parent.parent
DEFAULT_ENVIRONMENT = "production"


@dataclass(frozen=True)
class Environment:
    """What the variables say; None or "" where they say nothing."""

    name: str
    config_dir: Path
    data_dir: Path
    port: int | None
    client_ttl_seconds: int | None
    redis_url: str  # normal form, or "embedded"
    is_redis_nodes: bool  # redis_url is from Node's REDIS_URL
    database_url: str
    secret_key: str


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Raises ConfigError, naming the variable, when a value is wrong."""
    own_redis_url = _checked(environ, "SIOWEB_REDIS_URL", REDIS_URLS, _redis_url)
    return Environment(
        name=environ.get("SIOWEB_ENV") or environ.get("NODE_ENV") or DEFAULT_ENVIRONMENT,
        config_dir=_folder(environ, "SIOWEB_CONFIG_DIR", "config"),
        data_dir=_folder(environ, "SIOWEB_DATA_DIR", "var"),
        port=_whole_number(environ, "PORT", 65535, PORTS),
        client_ttl_seconds=_whole_number(environ, "DEVICE_TTL", MAX_INT32, SECONDS),
        redis_url=own_redis_url or _checked(environ, "REDIS_URL", REDIS_URLS, _redis_url),
        is_redis_nodes=not own_redis_url,
        database_url=_checked(environ, "SIOWEB_DATABASE_URL", DATABASE_URLS, check_database_url),
        secret_key=environ.get("SIOWEB_SECRET_KEY", ""),
    )


def _folder(environ: Mapping[str, str], name: str, default: str) -> Path:
    given = environ.get(name)
    if not given:
        return PROJECT_DIR / default
    try:
        return Path(given).expanduser().resolve()
    except (RuntimeError, OSError) as error:  # ~ of nobody; a link to itself
        raise refusal(name, "", given, f"the path of a folder ({error})") from error


def _whole_number(environ: Mapping[str, str], name: str, highest: int, accepted: str) -> int | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    # The length first: Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= highest):
        raise refusal(name, "", text, bounded(accepted, highest))
    return int(text)


def _redis_url(text: str) -> str:
    return text if text == EMBEDDED else parse_redis_url(text).url


def _checked(
    environ: Mapping[str, str], name: str, accepted: str, check: Callable[[str], str]
) -> str:
    text = environ.get(name, "").strip()
    if not text:
        return ""
    try:
        return check(text)
    except ValueError as error:
        reason = f" ({error})" if str(error) else ""
        raise refusal(name, "", text, f"{accepted}{reason}") from error
