"""`metrics` and `log` in config.yml: by default nobody reads the one, and the other is INFO."""

from pathlib import Path

import pytest

from sioweb_project.config import Config, load_config
from sioweb_project.exceptions import ConfigError
from sioweb_project.observing_config import LogConfig, MetricsConfig

TOKEN = "a-token-of-a-prometheus"


def load(folder: Path, text: str, environment: str = "production") -> Config:
    (folder / "config.yml").write_text(text)
    return load_config(
        {
            "SIOWEB_CONFIG_DIR": str(folder),
            "SIOWEB_DATA_DIR": str(folder / "var"),
            "SIOWEB_ENV": environment,
        }
    )


def test_by_default_nobody_reads_metrics(tmp_path: Path) -> None:
    assert load(tmp_path, "").metrics == MetricsConfig(port=None, token="")


def test_a_port_is_on_this_machine_alone(tmp_path: Path) -> None:
    metrics = load(tmp_path, f"production: {{metrics: {{port: 9137, token: {TOKEN}}}}}").metrics
    assert metrics == MetricsConfig(9137, "127.0.0.1", TOKEN)
    assert TOKEN not in repr(metrics)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("metrics: {token: short}", "metrics.token is ***; accepted: 16 characters or more"),
        (f"metrics: {{token: '{TOKEN} {TOKEN}'}}", "metrics.token is ***; accepted: 16"),
        ("metrics: {port: 65536}", "metrics.port is 65536; accepted: a whole number"),
        ("metrics: {host: 'a b'}", "metrics.host is 'a b'; accepted: a host name"),
        ("metrics: true", "metrics is true; accepted: a mapping"),
        ("metrics: {prot: 1}", "metrics.prot is no known option"),
        ("log: {format: xml}", "log.format is 'xml'; accepted: json or text"),
        ("log: {level: loud}", "log.level is 'loud'; accepted: debug, info"),
        ("log: {deliveries: 1}", "log.deliveries is 1; accepted: true or false"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, options: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, f"production:\n  {options}\n")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "text", "expected"),
    [
        ("production", "", LogConfig("json", "info", deliveries=False)),
        ("development", "", LogConfig("text", "info", deliveries=False)),
        ("production", "production: {log: {format: text}}", LogConfig("text")),
        (
            "development",
            "development: {log: {format: json, level: error, deliveries: true}}",
            LogConfig("json", "error", deliveries=True),
        ),
    ],
)
def test_the_log_is_json_but_in_development(
    tmp_path: Path, environment: str, text: str, expected: LogConfig
) -> None:
    assert load(tmp_path, text, environment).log == expected
