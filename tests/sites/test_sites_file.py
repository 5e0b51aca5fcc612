"""sites.yml and the variables for one site: what is read."""

from pathlib import Path

import pytest

from sites.entries import SiteEntry
from sites.limits import LIMIT_NAMES
from sites.sites_file import default_path, read_sites_given
from tests.sites.sites_yml import GOOD, read, refusal

NODE_EXAMPLE = """\
newsite:
  authUrl: http://newsite.com/socketrooms
  authScheme: Bearer
  apiKey: 54321
  userRoomPrefix: user_
"""


def test_example_of_the_node_service_is_read_to_the_letter(sites_yml: Path) -> None:
    assert read(sites_yml, NODE_EXAMPLE) == {
        "newsite": SiteEntry.model_validate(
            {
                "authUrl": "http://newsite.com/socketrooms",
                "authScheme": "Bearer",
                "apiKey": "54321",
                "userRoomPrefix": "user_",
            }
        )
    }


@pytest.mark.parametrize("word", ["no", "on", "yes", "off", "y", "No"])
def test_words_that_only_old_yaml_takes_for_true_or_false_are_text(
    sites_yml: Path, word: str
) -> None:
    """As the Node service's library has it, YAML 1.2."""
    text = f"{word}: {{authUrl: http://a.com, authScheme: {word}, apiKey: {word}}}"
    [(name, entry)] = read(sites_yml, text).items()
    assert (name, entry.auth_scheme, entry.api_keys) == (word, word, (word,))


@pytest.mark.parametrize(("written", "is_enabled"), [("no", False), ("on", True), ("True", True)])
def test_flags_may_be_such_words(sites_yml: Path, written: str, is_enabled: bool) -> None:
    entry = read(sites_yml, f"{GOOD}, enabled: {written}}}")["newsite"]
    assert entry.site_fields()["is_enabled"] is is_enabled


def test_every_field_is_read(sites_yml: Path) -> None:
    entry = read(
        sites_yml,
        "a: {authUrl: https://a.com/rooms, authScheme: Token, apiKey: [one, 2], userRoomPrefix: u,"
        " updateUserUrl: 'https://a.com/:id', publicChannel: all, prefixedSystemEvents: true,"
        " reauthSeconds: 60, enabled: false}",
    )["a"]
    assert entry.api_keys == ("one", "2")
    limits = dict.fromkeys(LIMIT_NAMES)
    assert entry.site_fields() == limits | {
        "allowed_origins": "",
        "auth_url": "https://a.com/rooms",
        "auth_scheme": "Token",
        "user_room_prefix": "u",
        "update_user_url": "https://a.com/:id",
        "public_channel": "all",
        "prefixed_system_events": True,
        "reauth_seconds": 60,
        "is_enabled": False,
    }


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("54321", "54321"),
        ("'54321'", "54321"),
        ("012", "012"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("+7", "+7"),
        ("12:30:45", "12:30:45"),
        ("2015-01-31", "2015-01-31"),
        ("2015-99-99", "2015-99-99"),
        ("1e3", "1e3"),
        ('"true"', "true"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("schlüssel mit leerzeichen", "schlüssel mit leerzeichen"),
    ],
)
def test_key_is_the_text_that_stands_in_the_file(sites_yml: Path, written: str, key: str) -> None:
    text = f"newsite:\n  authUrl: http://newsite.com\n  apiKey: {written}\n"
    assert read(sites_yml, text)["newsite"].api_keys == (key,)


def test_name_may_be_a_number(sites_yml: Path) -> None:
    assert list(read(sites_yml, "007: {authUrl: http://a.com, apiKey: 1}")) == ["007"]


@pytest.mark.parametrize("text", ["", "# no sites yet\n", "---\n", "{}", "\ufeff"])
def test_empty_file_is_no_sites(sites_yml: Path, text: str) -> None:
    assert read(sites_yml, text) == {}


def test_missing_file_is_no_sites(sites_yml: Path) -> None:
    assert read_sites_given({}) == {}


def test_optional_fields_left_empty_have_their_defaults(sites_yml: Path) -> None:
    entry = read(
        sites_yml,
        GOOD + ", authScheme: , userRoomPrefix: , updateUserUrl: , publicChannel: , "
        "reauthSeconds: }",
    )["newsite"]
    assert (entry.auth_scheme, entry.user_room_prefix) == ("Bearer", "")
    assert entry.reauth_seconds == 0
    assert (entry.update_user_url, entry.public_channel) == ("", "")


def test_merge_keys_share_fields_and_may_be_overridden(sites_yml: Path) -> None:
    entries = read(
        sites_yml,
        "a: &a {authUrl: http://a.com, apiKey: 1}\n"
        "b: &b {<<: *a, apiKey: 2}\n"
        "c: {<<: *b, authUrl: http://c.com}",
    )
    assert [entry.api_keys for entry in entries.values()] == [("1",), ("2",), ("2",)]
    assert entries["c"].auth_url == "http://c.com"


def test_file_is_looked_for_in_the_configuration_folder(sites_yml: Path) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    assert default_path() == sites_yml
    assert list(read_sites_given({})) == ["newsite"]


def test_site_of_the_environment_replaces_the_file(sites_yml: Path) -> None:
    sites_yml.write_text(NODE_EXAMPLE)
    environ = {
        "SITE_NAME": "shop",
        "AUTH_URL": "http://shop.com/rooms",
        "AUTH_SCHEME": "Token",
        "API_KEY": "012",
        "USER_ROOM_PREFIX": "u_",
        "UPDATE_USER_URL": "http://shop.com/:id",
        "PUBLIC_CHANNEL": "",
    }
    assert read_sites_given(environ) == {
        "shop": SiteEntry.model_validate(
            {
                "authUrl": "http://shop.com/rooms",
                "authScheme": "Token",
                "apiKey": "012",
                "userRoomPrefix": "u_",
                "updateUserUrl": "http://shop.com/:id",
            }
        )
    }


def test_limits_and_origins_are_read(sites_yml: Path) -> None:
    text = (
        f"{GOOD}, allowedOrigins: ['https://newsite.com', 'https://*.newsite.com'],"
        " limits: {sends_per_second: 50, queue_bytes: 1000}}"
    )
    entry = read(sites_yml, text)["newsite"]
    given = entry.given_fields()
    assert given["allowed_origins"] == "https://newsite.com\nhttps://*.newsite.com"
    assert (given["sends_per_second"], given["queue_bytes"]) == (50, 1000)
    assert "connections_per_site" not in given
    assert entry.site_fields()["connections_per_site"] is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("limits: {sends_per_second: -1}", "newsite.limits.sends_per_second: '-1' is refused. "),
        ("limits: {sends_per_second: much}", "newsite.limits.sends_per_second: 'much' is refused."),
        ("limits: {sends_per_second: true}", "newsite.limits.sends_per_second: true is refused."),
        ("limits: {sends_per_second: 1.5}", "newsite.limits.sends_per_second: '1.5' is refused."),
        ("limits: {queue_bytes: 0}", "newsite.limits.queue_bytes: '0' is refused. Ensure"),
        ("limits: {sends: 1}", "newsite.limits.sends: is unknown. Known are sends_per_second, "),
        ("limits: {queue_size: 1}", "newsite.limits.queue_size: is unknown; did you mean queue_b"),
        ("limits: 5", "newsite.limits: is no mapping of limits to numbers."),
        ("limits: []", "newsite.limits: is no mapping of limits to numbers."),
        ("limits: 0", "newsite.limits: is no mapping of limits to numbers."),
        ("allowedOrigins: []", "newsite.allowedOrigins: a list is refused. Leave it out for every"),
        ("allowedOrigins: ''", "newsite.allowedOrigins: '' is refused. Leave it out for every"),
        ("allowedOrigins: ['']", "newsite.allowedOrigins: a list is refused. "),
        ("allowedOrigins: false", "newsite.allowedOrigins: false is refused. Origins such as"),
        ("allowedOrigins: 0", "newsite.allowedOrigins: '0' is refused. "),
        ("allowedOrigins: newsite.com", "newsite.allowedOrigins: 'newsite.com' is refused. Orig"),
        ("allowedOrigins: ['https://a.com/b']", "newsite.allowedOrigins: 'https://a.com/b' is"),
        ("allowedOrigins: {a: b}", "newsite.allowedOrigins: a mapping is refused. Origins"),
    ],
)
def test_wrong_limits_and_origins_are_refused(sites_yml: Path, fields: str, message: str) -> None:
    assert refusal(sites_yml, f"{GOOD}, {fields}}}").startswith(message)
