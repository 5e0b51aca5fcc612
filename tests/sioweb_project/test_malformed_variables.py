"""A wrong environment variable gives one line with its name."""

from pathlib import Path

import pytest

from sioweb_project.database_settings import DATABASE_URLS
from tests.sioweb_project.malformed import SECRET, assert_one_safe_line, refuse

VARIABLES = {
    "PORT in words": ({"PORT": "abc"}, "PORT is 'abc'; accepted: a whole number from 0 to 65535"),
    "PORT too high": ({"PORT": "65536"}, "PORT is '65536'; accepted: a whole number from 0"),
    "PORT negative": ({"PORT": "-1"}, "PORT is '-1'; accepted: a whole number from 0"),
    "PORT in other digits": ({"PORT": "٨٠"}, "PORT is '٨٠'; accepted: a whole number"),
    "PORT very long": ({"PORT": "9" * 5000}, "PORT is '9999"),
    "DEVICE_TTL fractional": (
        {"DEVICE_TTL": "1.5"},
        "DEVICE_TTL is '1.5'; accepted: a whole number of seconds, 0 or more",
    ),
    "SIOWEB_DATA_DIR of nobody": (
        {"SIOWEB_DATA_DIR": "~nosuchuser/var"},
        "SIOWEB_DATA_DIR is '~nosuchuser/var'; accepted: the path of a folder (Could not",
    ),
    "SIOWEB_REDIS_URL without scheme": (
        {"SIOWEB_REDIS_URL": f"me:{SECRET}@example.com"},
        "SIOWEB_REDIS_URL is '***@example.com'; accepted: a URL such as redis://",
    ),
    "SIOWEB_REDIS_URL for Sentinel without a service": (
        {"SIOWEB_REDIS_URL": f"redis+sentinel://:{SECRET}@a:26379,b:26379"},
        "SIOWEB_REDIS_URL is 'redis+sentinel://***@a:***'; accepted: a URL such as redis://",
    ),
    "REDIS_URL for a cluster with a database": (
        {"REDIS_URL": f"rediss+cluster://me:{SECRET}@a,b/2"},
        "REDIS_URL is 'rediss+cluster://***@a,b/2'; accepted: a URL such as redis://",
    ),
    "REDIS_URL with a wrong port": (
        {"REDIS_URL": f"redis://:{SECRET}@a:b/0"},
        "REDIS_URL is 'redis://***@a:***/0'; accepted: a URL such as redis://",
    ),
    "SIOWEB_DATABASE_URL of another kind": (
        {"SIOWEB_DATABASE_URL": f"oracle://me:{SECRET}@db/x"},
        "SIOWEB_DATABASE_URL is 'oracle://***@db/x'; accepted: a URL such as sqlite:",
    ),
    "SIOWEB_DATABASE_URL with a wrong parameter": (
        {"SIOWEB_DATABASE_URL": f"postgres://me:{SECRET}@db/name?sslmod={SECRET}"},
        "SIOWEB_DATABASE_URL is 'postgres://***@db/name?***'; accepted: "
        f"{DATABASE_URLS} ('sslmod' is no parameter of PostgreSQL's library)",
    ),
}


def test_folder_that_links_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    line = refuse(tmp_path, b"", SIOWEB_DATA_DIR=f"{loop}/var")
    assert_one_safe_line(line)


@pytest.mark.parametrize(("environ", "expected"), VARIABLES.values(), ids=VARIABLES)
def test_wrong_variable_is_refused_by_name(
    tmp_path: Path, environ: dict[str, str], expected: str
) -> None:
    line = refuse(tmp_path, b"", **environ)
    assert line.startswith(expected)
    assert_one_safe_line(line)
