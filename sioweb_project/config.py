"""The validated configuration of the process, frozen.

Environment variables and config.yml come together here; settings.py hands the
result to Django. Everything below sioweb_project reads django.conf.settings.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from sioweb_project.admin_config import AdminConfig, admin_config
from sioweb_project.config_file import misspelt_section, read_section
from sioweb_project.config_schema import FlakeIdOptions, SectionOptions, parse_section
from sioweb_project.data_dir import generated_secret_key, make_private_dir, make_private_file
from sioweb_project.environment import PROJECT_DIR, Environment, read_environment
from sioweb_project.exceptions import ConfigError
from sioweb_project.io_config import IoConfig, io_config, io_warnings
from sioweb_project.limits_config import Limits
from sioweb_project.node_options import TOP_LEVEL, without_meaning
from sioweb_project.observing_config import LogConfig, MetricsConfig, log_config, metrics_config
from sioweb_project.redis_address import RedisAddress
from sioweb_project.redis_config import EMBEDDED, RedisConfig, RedisOptions
from sioweb_project.secret_key import check_secret_key, weakness

__all__ = [
    "PROJECT_DIR",
    "Config",
    "ConfigError",
    "FlakeIdConfig",
    "IoConfig",
    "ReceiptConfig",
    "RedisConfig",
    "current_config",
    "load_config",
]

CONFIG_FILE = "config.yml"
OPTION_NAMES = frozenset(SectionOptions.model_fields) | TOP_LEVEL
DEVELOPMENT = "development"
DEFAULT_CLIENT_TTL_SECONDS = 3600
# As the Node service did, production listens on every interface; a developer's machine
# need not show its demo site to the network.
EVERY_INTERFACE = "0.0.0.0"  # noqa: S104
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class FlakeIdConfig:
    generator_id: int = 0
    epoch_ms: int = 0
    sequence_mask: int = 0xFFF


@dataclass(frozen=True)
class ReceiptConfig:
    enabled: bool = True
    max_messages: int = 50_000  # an hour and process


@dataclass(frozen=True)
class Config:
    environment: str = "production"
    host: str = LOOPBACK
    port: int = 1337  # 0 = one that is free
    client_ttl_seconds: int = DEFAULT_CLIENT_TTL_SECONDS  # 0 = messages are kept for ever
    redis: RedisConfig = field(default_factory=RedisConfig)
    flake_ids: FlakeIdConfig = field(default_factory=FlakeIdConfig)
    io: IoConfig = field(default_factory=IoConfig)
    config_dir: Path = PROJECT_DIR / "config"
    data_dir: Path = PROJECT_DIR / "var"
    database_url: str = field(default="", repr=False)  # may hold a password
    secret_key: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ("*",)
    send_body_limit_bytes: int = 1_048_576
    auth_url_deny: tuple[str, ...] = ()  # as `sites.networks.read_deny_list` takes it
    admin: AdminConfig = field(default_factory=AdminConfig)
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks
    receipts: ReceiptConfig = field(default_factory=ReceiptConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)
    warnings: tuple[str, ...] = ()  # one line each, for the log and for `manage.py check`

    @property
    def is_development(self) -> bool:
        return self.environment == DEVELOPMENT


@cache
def current_config() -> Config:
    """Return the configuration of this process, read once. Raises ConfigError."""
    return load_config(os.environ)


def load_config(environ: Mapping[str, str]) -> Config:
    """Read config.yml and the variables; makes the data folder if something is to be kept there.

    Raises ConfigError.
    """
    env = read_environment(environ)
    file = env.config_dir / CONFIG_FILE
    section = read_section(file, env.name, OPTION_NAMES)
    ignored = list(without_meaning(section))
    options = parse_section(file, env.name, section)
    return Config(
        environment=env.name,
        host=options.host or (LOOPBACK if env.name == DEVELOPMENT else EVERY_INTERFACE),
        port=options.port if env.port is None else env.port,
        client_ttl_seconds=_client_ttl_seconds(env, options),
        redis=_redis(env, options),
        flake_ids=_flake_ids(options.flakeid),
        io=io_config(options.io),
        config_dir=env.config_dir,
        data_dir=env.data_dir,
        database_url=env.database_url or options.database or _sqlite_url(env.data_dir),
        secret_key=_secret_key(env, file, options),
        allowed_hosts=tuple(options.allowed_hosts),
        send_body_limit_bytes=options.send_body_limit,
        auth_url_deny=tuple(options.auth_url_deny),
        admin=admin_config(options.admin),
        limits=options.limits,
        trusted_proxies=tuple(options.trusted_proxies),
        receipts=ReceiptConfig(options.receipts.enabled, options.receipts.max_messages),
        metrics=metrics_config(options.metrics),
        log=log_config(options.log, "text" if env.name == DEVELOPMENT else "json"),
        warnings=tuple(_warnings(env, file, ignored, options)),
    )


def _client_ttl_seconds(env: Environment, options: SectionOptions) -> int:
    given = (env.client_ttl_seconds, options.client_ttl, options.device_ttl)
    return next((ttl for ttl in given if ttl is not None), DEFAULT_CLIENT_TTL_SECONDS)


def _redis(env: Environment, options: SectionOptions) -> RedisConfig:
    redis = options.redis
    if isinstance(redis, RedisOptions):
        config = redis.redis_config
    elif redis == EMBEDDED or env.name == DEVELOPMENT:
        config = RedisConfig(url=None)
    else:
        config = RedisConfig(url=RedisAddress().url)
    # REDIS_URL may be meant for another program of this machine, so that it does not
    # override what the Node service could not have: an embedded Redis asked for by name.
    if not env.redis_url or (env.is_redis_nodes and redis == EMBEDDED):
        return config
    return replace(config, url=None if env.redis_url == EMBEDDED else env.redis_url)


def _flake_ids(options: FlakeIdOptions) -> FlakeIdConfig:
    """As flake-idgen reads them: five bits each, and a mask of 0 is no mask."""
    both = options.datacenter << 5 | options.worker
    return FlakeIdConfig(
        generator_id=both if options.id is None else options.id,
        epoch_ms=options.epoch,
        sequence_mask=options.seqMask or FlakeIdConfig.sequence_mask,
    )


def _secret_key(env: Environment, file: Path, options: SectionOptions) -> str:
    given = env.secret_key or options.secret_key
    if given and env.name != DEVELOPMENT:
        check_secret_key(given, _where_secret_is(env, file))
    return given or generated_secret_key(env.data_dir)


def _where_secret_is(env: Environment, file: Path) -> str:
    return "SIOWEB_SECRET_KEY" if env.secret_key else f"{file}: {env.name}.secret_key"


def _sqlite_url(data_dir: Path) -> str:
    return f"sqlite:///{quote(str(make_private_file(make_private_dir(data_dir) / 'db.sqlite3')))}"


def _warnings(
    env: Environment, file: Path, ignored: list[str], options: SectionOptions
) -> Iterator[str]:
    prefix = f"{file}: {env.name}"
    secret_key = env.secret_key or options.secret_key
    if secret_key and env.name != DEVELOPMENT:
        yield from filter(None, [weakness(secret_key, _where_secret_is(env, file))])
    if not env.config_dir.is_dir():
        yield f"{env.config_dir}: no such folder (SIOWEB_CONFIG_DIR); every option has its default"
    # Else the section is there, and the file need not be read again.
    is_empty = not options.model_fields_set
    if is_empty and (misspelt := misspelt_section(file, env.name, OPTION_NAMES)):
        yield f"{file}: no section {env.name}, but {misspelt}; every option has its default"
    for path in ignored:
        yield f"{prefix}.{path} is an option of Node that has no meaning here; it is ignored"
    if isinstance(options.redis, RedisOptions):
        yield from (f"{prefix}.{text}" for text in options.redis.warnings())
    yield from (f"{prefix}.{text}" for text in io_warnings(options.io))
