"""`manage.py import_node`: what it takes over from a Node service, says, writes and refuses."""

import errno
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from sioweb_project.config import load_config
from sioweb_project.exceptions import ConfigError
from sioweb_project.node_import.writing import HEADER, NewFile, write
from sites.models import ApiKey, Site
from sites.sites_file import read_sites_file

pytestmark = pytest.mark.django_db

INSTALLATIONS = Path(__file__).parents[1] / "e2e" / "node_installations"
SECRETS = ("12345", "54321", "a-longer-key", "1e6c0ffee")
NEWSITE = "newsite: {authUrl: 'http://newsite.com/rooms', apiKey: 54321}\n"

Import = Callable[..., str]


@pytest.fixture
def target(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "ours" / "config"
    settings.CONFIG = replace(settings.CONFIG, config_dir=folder)
    return folder


@pytest.fixture
def node(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    folder.mkdir()
    return folder


@pytest.fixture
def run(target: Path) -> Import:
    def run(path: Path, *arguments: str) -> str:
        call_command("import_node", str(path), *arguments, stdout=(said := StringIO()))
        return said.getvalue()

    return run


def refusal(run: Import, path: Path, *arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(path, *arguments)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def state(target: Path) -> tuple[dict[str, str], int, int]:
    files = {each.name: each.read_text() for each in target.glob("*")}
    return files, Site.objects.count(), ApiKey.objects.count()


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


def test_a_second_run_changes_nothing(run: Import, target: Path) -> None:
    run(INSTALLATIONS / "early")
    before = state(target)
    assert run(INSTALLATIONS / "early").splitlines()[-2:] == [
        "Sites are up to date.",
        "Files are up to date.",
    ]
    assert state(target) == before


def test_a_dry_run_says_all_and_changes_nothing(run: Import, target: Path) -> None:
    said = run(INSTALLATIONS / "early", "--dry-run")
    assert f"{target / 'sites.yml'}: is made, without --dry-run\n" in said
    assert "+ newsite\n" in said
    assert (target.exists(), Site.objects.count()) == (False, 0)


def test_files_that_are_there_stay_unless_forced_and_are_kept_then(
    run: Import, node: Path, target: Path
) -> None:
    (node / "config.yml").write_text("production: {port: 80}\n")
    (node / "sites.yml").write_text(NEWSITE)
    target.mkdir(parents=True)
    (target / "sites.yml").write_text("# mine\n")
    said = run(node, "--dry-run").splitlines()
    assert f"{target / 'config.yml'}: is made, without --dry-run" in said
    assert f"{target / 'sites.yml'}: is replaced, with --force" in said
    line = refusal(run, node)
    assert line.startswith(f"{target / 'sites.yml'}: is there already")
    assert "sites.yml.bak" in line
    assert state(target) == ({"sites.yml": "# mine\n"}, 0, 0)
    run(node, "--force")
    (node / "sites.yml").write_text(NEWSITE.replace("rooms", "others"))
    run(node, "--force")
    files, _, _ = state(target)
    assert files["sites.yml.bak"] == "# mine\n"
    assert files["sites.yml.bak2"].startswith(HEADER)
    assert Site.objects.get().auth_url == "http://newsite.com/others"


def test_what_an_admin_has_changed_stays_unless_forced(run: Import, node: Path) -> None:
    Site.objects.create(name="newsite", auth_url="http://newsite.com/mine")
    (node / "sites.yml").write_text(NEWSITE)
    assert "(left alone; --force applies it)" in run(node)
    assert Site.objects.get().auth_url == "http://newsite.com/mine"


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
    assert refusal(run, node / "nowhere").startswith(f"{node / 'nowhere'}: is no folder")


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


def test_where_files_cannot_be_written_no_site_is_made(
    run: Import, node: Path, target: Path
) -> None:
    (node / "sites.yml").write_text(NEWSITE)
    target.parent.write_text("a file where the folder is to be")
    assert refusal(run, node).startswith(f"{target / 'sites.yml'}: cannot be used")
    assert Site.objects.count() == 0


def test_where_one_file_cannot_be_replaced_both_stay(
    run: Import, node: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where sites.yml alone is mounted into a container."""

    def replace(draft: Path, path: Path) -> Path:
        if path.name == "sites.yml":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return Path(shutil.move(draft, path))

    (node / "config.yml").write_text("production: {port: 80}\n")
    (node / "sites.yml").write_text(NEWSITE)
    target.mkdir(parents=True)
    (target / "config.yml").write_text("# mine\n")
    (target / "sites.yml").write_text("# mine, too\n")
    before = state(target)
    monkeypatch.setattr(Path, "replace", replace)
    line = refusal(run, node, "--force")
    assert line.startswith(f"{target / 'sites.yml'}: cannot be used (Device or resource busy)")
    assert state(target) == before


def test_a_file_that_was_not_there_goes_again(tmp_path: Path) -> None:
    (tmp_path / "sites.yml").mkdir()
    new = [NewFile(tmp_path / name, "", is_there=False) for name in ("config.yml", "sites.yml")]
    with pytest.raises(ConfigError, match=r"sites\.yml: cannot be used"):
        write(new)
    assert [each.name for each in tmp_path.iterdir()] == ["sites.yml"]


def test_a_file_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    """It would hold keys and passwords, and nobody would know of it."""
    (tmp_path / "config.yml").mkdir()
    with pytest.raises(ConfigError, match=r"config\.yml: cannot be used"):
        write([NewFile(tmp_path / "config.yml", "secret: 1", is_there=False)])
    assert [each.name for each in tmp_path.iterdir()] == ["config.yml"]
