"""config.yml and the variables together give the configuration."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sioweb_project.config import PROJECT_DIR, Config, ConfigError, FlakeIdConfig, load_config

Load = Callable[..., Config]
DEFAULTS = Config()


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a config.yml of the given text, in a folder of its own."""

    def load(text: str | None = None, **environ: str) -> Config:
        folder = tmp_path / "config"
        folder.mkdir(exist_ok=True)
        if text is not None:
            (folder / "config.yml").write_text(text, "utf-8")
        own = {"SIOWEB_CONFIG_DIR": str(folder), "SIOWEB_DATA_DIR": str(tmp_path / "var")}
        return load_config(own | environ)

    return load


GOOD_KEY = "0123456789-of-50-characters"
README_EXAMPLE = """
production:
  port: 80
  client_ttl: 3600
  redis:
    port: 6379
    host: 127.0.0.1
    auth_pass: 12345
  flakeid:
    datacenter: 0
    worker: 0
  io:
    pingTimeout: 60000
"""


def test_example_of_the_node_service_is_read_to_the_letter(load: Load) -> None:
    config = load(README_EXAMPLE)
    assert (config.environment, config.port, config.client_ttl_seconds) == ("production", 80, 3600)
    assert config.redis.url == "redis://:12345@127.0.0.1:6379/0"
    assert config.flake_ids == FlakeIdConfig(generator_id=0)
    assert config.io.ping_timeout_seconds == 60
    assert config.warnings == ()


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "production:\n", "production: {}\n"])
def test_nothing_written_means_defaults(load: Load, text: str | None) -> None:
    config = load(text)
    assert (config.port, config.client_ttl_seconds) == (1337, 3600)
    assert (config.io, config.flake_ids) == (DEFAULTS.io, DEFAULTS.flake_ids)
    assert config.redis.url == "redis://127.0.0.1:6379/0"
    assert config.send_body_limit_bytes == 1_048_576
    assert (config.receipts.enabled, config.receipts.max_messages) == (True, 50_000)
    assert config.allowed_hosts == ("*",)


def test_option_without_value_means_its_default(load: Load) -> None:
    config = load("production:\n  port:\n  client_ttl:\n  redis:\n  io:\n    path:\n  flakeid:\n")
    assert (config.port, config.client_ttl_seconds) == (1337, 3600)
    assert config.io == DEFAULTS.io


def test_receipts_can_be_bounded_and_switched_off(load: Load) -> None:
    config = load("production: {receipts: {enabled: false, max_messages: 200}}")
    assert (config.receipts.enabled, config.receipts.max_messages) == (False, 200)


def test_shipped_file_changes_no_default(load: Load) -> None:
    text = (PROJECT_DIR / "config" / "config.yml").read_text()
    assert load(text) == load("")


def test_shipped_file_embeds_redis_in_development(load: Load) -> None:
    text = (PROJECT_DIR / "config" / "config.yml").read_text()
    assert load(text, SIOWEB_ENV="development").redis.url is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "production"),
        ({"NODE_ENV": "staging"}, "staging"),
        ({"SIOWEB_ENV": "development", "NODE_ENV": "staging"}, "development"),
        ({"SIOWEB_ENV": "", "NODE_ENV": "staging"}, "staging"),
    ],
)
def test_environment_is_chosen_by_variable(
    load: Load, environ: dict[str, str], expected: str
) -> None:
    config = load("staging: {port: 3}\nproduction: {port: 1}\ndevelopment: {port: 2}", **environ)
    assert config.environment == expected
    assert config.port == {"production": 1, "development": 2, "staging": 3}[expected]


@pytest.mark.parametrize("environment", ["development", "production"])
def test_built_in_environment_needs_no_section(load: Load, environment: str) -> None:
    assert load("staging: {port: 3}\n", SIOWEB_ENV=environment).port == 1337


def test_any_environment_may_do_without_a_file(load: Load) -> None:
    assert load(None, SIOWEB_ENV="staging").environment == "staging"


def test_fault_in_another_section_is_no_matter(load: Load) -> None:
    assert load("production: {port: 80}\nstaging: {prot: x}\n").port == 80


def test_section_may_build_on_another(load: Load) -> None:
    text = "staging: &base {port: 80, client_ttl: 5}\nproduction: {<<: *base, port: 81}\n"
    config = load(text)
    assert (config.port, config.client_ttl_seconds) == (81, 5)


def test_development_listens_for_this_machine_only(load: Load) -> None:
    assert load("", SIOWEB_ENV="development").host == "127.0.0.1"
    assert load("").host == "0.0.0.0"  # noqa: S104
    assert load("production: {host: '::1'}").host == "::1"


def test_variables_override_the_file(load: Load) -> None:
    config = load(
        "production: {port: 80, redis: {host: a}, database: 'sqlite:///a',"
        f" secret_key: {GOOD_KEY}}}",
        PORT="0",
        SIOWEB_REDIS_URL="redis://b",
        SIOWEB_DATABASE_URL="postgres://b/c",
        SIOWEB_SECRET_KEY=f"b{GOOD_KEY}",
    )
    assert config.port == 0
    assert config.redis.url == "redis://b:6379/0"
    assert (config.database_url, config.secret_key) == ("postgres://b/c", f"b{GOOD_KEY}")


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("{client_ttl: 0}", {}, 0),
        ("{device_ttl: 60}", {}, 60),
        ("{device_ttl: 60, client_ttl: 60}", {}, 60),
        ("{client_ttl: 60}", {"DEVICE_TTL": "0"}, 0),
        ("{client_ttl: 1e3}", {}, 1000),
    ],
)
def test_client_ttl_has_an_alias_and_may_be_for_ever(
    load: Load, text: str, environ: dict[str, str], expected: int
) -> None:
    assert load(f"production: {text}", **environ).client_ttl_seconds == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{datacenter: 1, worker: 2}", FlakeIdConfig(generator_id=34)),
        ("{id: 1023, datacenter: 1, worker: 2}", FlakeIdConfig(generator_id=1023)),
        ("{id: 0, worker: 2}", FlakeIdConfig(generator_id=0)),
        ("{epoch: 1300000000000}", FlakeIdConfig(epoch_ms=1_300_000_000_000)),
        ("{seqMask: 0x0F}", FlakeIdConfig(sequence_mask=15)),
        ("{seqMask: 0}", FlakeIdConfig(sequence_mask=4095)),
    ],
)
def test_flake_ids_are_read_as_flake_idgen_does(
    load: Load, text: str, expected: FlakeIdConfig
) -> None:
    assert load(f"production: {{flakeid: {text}}}").flake_ids == expected


def test_options_of_node_without_meaning_give_one_warning_each(load: Load) -> None:
    config = load(
        "production:\n  servers: [a]\n  winston: {level: info}\n"
        "  redis: {connect_timeout: 5, retry_strategy: x, tls: {servername: a}}\n"
        "  io: {serveClient: true, 'heartbeat interval': 5, cors: {methods: [GET]}}\n"
    )
    named = [warning.split(" ")[1].removeprefix("production.") for warning in config.warnings]
    assert sorted(named) == [
        "io.cors.methods",
        "io.heartbeat",
        "io.serveClient",
        "redis.connect_timeout",
        "redis.retry_strategy",
        "redis.tls.servername",
        "servers",
        "winston",
    ]
    assert all("config.yml: production." in warning for warning in config.warnings)


def test_missing_folder_is_a_warning(tmp_path: Path) -> None:
    (warning,) = load_config(
        {"SIOWEB_CONFIG_DIR": str(tmp_path / "cofnig"), "SIOWEB_DATA_DIR": str(tmp_path)}
    ).warnings
    assert warning.startswith(f"{tmp_path}/cofnig: no such folder (SIOWEB_CONFIG_DIR)")


def test_configuration_as_text_shows_no_secret(load: Load) -> None:
    config = load(
        "production: {redis: {password: hunter2}, database: 'postgres://a:hunter2@b/c',"
        " secret_key: a-hunter2-of-50-characters}"
    )
    assert "hunter2" in str(config.redis.url)
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("secret", "a key of examples"),
        ("changeme-changeme-changeme", "a key of examples"),
        ("django-insecure-" + "0123456789" * 4, "a key of examples"),
        ("CHANGE-ME-0123456789abcdef", "a key of examples"),
    ],
)
def test_secret_key_that_others_know_is_refused(load: Load, key: str, problem: str) -> None:
    accepted = "accepted: 16 or more random characters"
    with pytest.raises(ConfigError, match=rf"^SIOWEB_SECRET_KEY is \*\*\* \({problem}.*{accepted}"):
        load("", SIOWEB_SECRET_KEY=key)
    with pytest.raises(ConfigError, match=rf"config.yml: staging.secret_key is \*\*\* \({problem}"):
        load(f"staging: {{secret_key: {key}}}", SIOWEB_ENV="staging")
    assert load("", SIOWEB_SECRET_KEY=key, SIOWEB_ENV="development").secret_key == key


@pytest.mark.parametrize("key", ["0123456789abcde", "ab" * 30])
def test_secret_key_that_can_be_guessed_is_warned_of(load: Load, key: str) -> None:
    [warning] = load("", SIOWEB_SECRET_KEY=key).warnings
    assert warning.startswith("SIOWEB_SECRET_KEY can be guessed")
    assert key not in warning
    assert load("", SIOWEB_SECRET_KEY=key, SIOWEB_ENV="development").warnings == ()


def test_secret_key_that_nobody_gave_is_made(load: Load) -> None:
    assert len(load("").secret_key) == 64


def test_limits_and_trusted_proxies_are_read(load: Load) -> None:
    config = load(
        "production:\n  limits: {sends_per_second: 50}\n  trusted_proxies: [10.0.0.0/8, '::1']"
    )
    assert config.limits.sends_per_second == 50
    assert config.limits.failed_keys == 100
    assert config.trusted_proxies == ("10.0.0.0/8", "::1")
