"""`manage.py import_node`: what it takes over from a Node service, says, writes and refuses."""

import stat
from pathlib import Path

import pytest

from sioweb_project.config import load_config
from sites.models import Site
from sites.sites_file import read_sites_file
from tests.sioweb_project.node_import_fixtures import (
    INSTALLATIONS,
    NEWSITE,
    Import,
    node,
    refusal,
    run,
    target,
)

__all__ = ["node", "run", "target"]

pytestmark = pytest.mark.django_db

SECRETS = ("12345", "54321", "a-longer-key", "1e6c0ffee")


def test_every_line_of_an_early_installation_is_told(run: Import) -> None:
    said = run(INSTALLATIONS / "early").splitlines()
    for line in (
        "  = development: empty, every option has its default",
        "  = production.client_ttl: 3600",
        "  = production.redis.auth_pass: ***",
        "  - production.redis.retry_max_delay: an option of node_redis that has no meaning here",
        "  = production.io.pingTimeout: 60000",
        "  = newsite.userRoomPrefix: 'user_'",
        "  = newsite.apiKey: ***",
        "  ~ newsletter.authScheme: not said: Bearer, where Node sent undefined",
        "+ newsite",
    ):
        assert line in said
    assert any(line.startswith("Clients hear batch and resync") for line in said)


def test_every_line_of_a_later_installation_is_told(run: Import) -> None:
    said = run(INSTALLATIONS / "later").splitlines()
    for line in (
        "  = production.device_ttl: 86400",
        "  - production.winston: settings of its logging library; see docs/logs.md",
        "  - production.color: no option of the Node service, of its libraries or of this service",
        "  = production.redis.url: 'redis://***@127.0.0.1:6379/2'",
        "  - latershop.contact: no field of the Node service or of this one",
        "+ latershop",
    ):
        assert line in said
    assert any(line.startswith("  ~ latershop.updateUserUrl: ") for line in said)
    assert any(line.startswith("Clients hear _batch and _resync") for line in said)


@pytest.mark.parametrize("generation", ["early", "later"])
def test_no_key_and_no_password_is_told(run: Import, generation: str) -> None:
    said = run(INSTALLATIONS / generation)
    assert [secret for secret in SECRETS if secret in said] == []


def test_what_is_written_says_here_what_it_said_there(run: Import, target: Path) -> None:
    run(INSTALLATIONS / "later")
    environ = {"SIOWEB_CONFIG_DIR": str(target), "SIOWEB_DATA_DIR": str(target.parent / "var")}
    config = load_config(environ)
    assert (config.port, config.client_ttl_seconds) == (8080, 86400)
    assert (config.redis.url, config.flake_ids.generator_id) == (
        "redis://:12345@127.0.0.1:6379/2",
        7,
    )
    assert config.warnings == ()
    [site] = read_sites_file(target / "sites.yml").values()
    assert (site.api_keys, site.prefixed_system_events) == (("1e6c0ffee",), True)
    assert stat.S_IMODE((target / "sites.yml").stat().st_mode) == 0o600


def test_texts_that_look_like_numbers_stay_texts(run: Import, node: Path, target: Path) -> None:
    passwords = ["1e6", "0x1F", "007", "12:30", "no", "~", "2026-01-01", ""]
    for index, password in enumerate(passwords):
        (node / "config.yml").write_text(f"production: {{redis: {{password: '{password}'}}}}")
        run(node, "--force")
        environ = {"SIOWEB_CONFIG_DIR": str(target), "SIOWEB_DATA_DIR": str(target / f"{index}")}
        config = load_config(environ)
        (target / "config.yml").write_bytes((node / "config.yml").read_bytes())
        assert config.redis == load_config(environ).redis


def test_sites_are_made_with_their_keys_and_the_names_of_their_events(run: Import) -> None:
    run(INSTALLATIONS / "early")
    run(INSTALLATIONS / "later", "--force")
    assert list(Site.objects.values_list("name", "prefixed_system_events")) == [
        ("latershop", True),
        ("newsite", False),
        ("newsletter", False),
    ]
    assert Site.objects.get(name="newsite").api_keys.with_text("54321").exists()


@pytest.mark.parametrize("generation", ["early", "later"])
def test_the_generation_may_be_given(run: Import, node: Path, generation: str) -> None:
    (node / "sites.yml").write_text(NEWSITE)
    run(node, "--generation", generation)
    assert Site.objects.get().prefixed_system_events == (generation == "later")


@pytest.mark.parametrize(
    ("config", "sites", "said"),
    [
        ("production: {port: eighty}", NEWSITE, "config.yml: production.port is 'eighty'"),
        ("port: 80", NEWSITE, "config.yml: port is 80; accepted: below an environment"),
        ("production: [", NEWSITE, "config.yml: line 1 is not valid YAML"),
        ("- 1", NEWSITE, "config.yml: the whole file is a list"),
        ("", "newsite: {apiKey: 54321}", "sites.yml: newsite.authUrl: is missing"),
        ("", "newsite: {authUrl: 'http://a.com'}", "sites.yml: newsite.apiKey: is missing"),
        ("", "newsite: {authUrl: '', apiKey: 1}", "sites.yml: newsite.authUrl: "),
        ("", "newsite:", "sites.yml: newsite: is no mapping"),
        ("", "- newsite", "sites.yml: is no mapping"),
        ("", "'a b': {authUrl: 'http://a.com', apiKey: 1}", "sites.yml: name of a site: "),
        ("", "newsite: {authUrl: 'http://u:p@a.com', apiKey: 1}", "sites.yml: newsite.authUrl: "),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_done(
    run: Import, node: Path, target: Path, config: str, sites: str, said: str
) -> None:
    (node / "config.yml").write_text(config)
    (node / "sites.yml").write_text(sites)
    assert refusal(run, node).startswith(f"{node}/{said}")
    assert (target.exists(), Site.objects.count()) == (False, 0)


def test_a_folder_without_files_is_refused(run: Import, node: Path) -> None:
    assert refusal(run, node).startswith(f"{node}: has no config.yml and no sites.yml")
    for nowhere in (node / "nowhere", Path("~nosuchuser")):  # which the shell has left alone
        assert refusal(run, nowhere).startswith(f"{nowhere.absolute()}: is no folder")


def test_two_different_files_are_refused_and_two_equal_ones_are_one(
    run: Import, node: Path
) -> None:
    (node / "config").mkdir()
    (node / "config" / "sites.yml").write_text(NEWSITE)
    (node / "sites.yml").write_text(NEWSITE.replace("rooms", "others"))
    assert "two different files sites.yml" in refusal(run, node)
    (node / "sites.yml").write_text(NEWSITE)
    run(node)
    assert Site.objects.get().name == "newsite"
