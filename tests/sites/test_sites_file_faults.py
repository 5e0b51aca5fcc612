"""sites.yml and the variables for one site: how faults are told, and that no key is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.entries import SitesFileError, show_value
from sites.sites_file import read_environment, read_sites_file
from sites.validators import NAME_MESSAGE, ROOM_MESSAGE, SCHEME_MESSAGE, URL_MESSAGE
from tests.sites.sites_yml import GOOD, SECRET, read, refusal

TEXT_MESSAGE = "Text is accepted, in quotes if it reads as true, null or 1.5."
SECONDS_MESSAGE = "A whole number of seconds up to 2592000 is accepted; 0 = never."


def outcome(path: Path) -> str:
    """Return the error's text, or nothing."""
    try:
        read_sites_file(path)
    except SitesFileError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- newsite", "is no mapping of site names to their fields."),
        ("newsite", "is no mapping of site names to their fields."),
        ("newsite:", "newsite: is no mapping of fields such as authUrl and apiKey."),
        ("newsite: [authUrl]", "newsite: is no mapping of fields such as authUrl and apiKey."),
        (
            f"newsite: {SECRET}",
            "newsite: is no mapping of fields such as authUrl and apiKey.",
        ),
        ("newsite: {apiKey: 1}", "newsite.authUrl: is missing. Each site needs one."),
        (
            "newsite: {authUrl: http://newsite.com}",
            "newsite.apiKey: is missing. Each site needs one.",
        ),
        (  # rather than the field that it leaves missing
            "newsite: {authURL: http://a.com, apiKey: 1}",
            "newsite.authURL: is unknown; did you mean authUrl? Known are authUrl, authScheme, "
            "apiKey, userRoomPrefix, updateUserUrl, publicChannel, prefixedSystemEvents, "
            "reauthSeconds, enabled, allowedOrigins, limits.",
        ),
        (
            GOOD + ", authUri: http://a.com}",
            "newsite.authUri: is unknown; did you mean authUrl? Known are authUrl, authScheme, "
            "apiKey, userRoomPrefix, updateUserUrl, publicChannel, prefixedSystemEvents, "
            "reauthSeconds, enabled, allowedOrigins, limits.",
        ),
        (
            "newsite: {authUrl: ftp://a.com, apiKey: 1}",
            f"newsite.authUrl: 'ftp://a.com' is refused. {URL_MESSAGE}",
        ),
        (
            "newsite: {authUrl: '', apiKey: 1}",
            "newsite.authUrl: '' is refused. This field cannot be blank.",
        ),
        (
            "newsite: {authUrl: null, apiKey: 1}",
            f"newsite.authUrl: null is refused. {TEXT_MESSAGE}",
        ),
        (
            GOOD + ", authScheme: true}",
            f"newsite.authScheme: true is refused. {TEXT_MESSAGE}",
        ),
        (
            GOOD + ", authScheme: Two Words}",
            f"newsite.authScheme: 'Two Words' is refused. {SCHEME_MESSAGE}",
        ),
        (
            GOOD + ", userRoomPrefix: ''}",
            "newsite.userRoomPrefix: '' is refused. Leave it out for a site without user rooms.",
        ),
        (
            GOOD + ", userRoomPrefix: ' '}",
            f"newsite.userRoomPrefix: ' ' is refused. {ROOM_MESSAGE}",
        ),
        (
            GOOD + ", updateUserUrl: newsite.com}",
            f"newsite.updateUserUrl: 'newsite.com' is refused. {URL_MESSAGE}",
        ),
        (
            GOOD + ", publicChannel: [a]}",
            f"newsite.publicChannel: a list is refused. {TEXT_MESSAGE}",
        ),
        (
            GOOD + ", prefixedSystemEvents: 1}",
            "newsite.prefixedSystemEvents: '1' is refused. Only true or false is accepted.",
        ),
        *(
            (
                GOOD + f", reauthSeconds: {value}}}",
                f"newsite.reauthSeconds: {shown} is refused. {SECONDS_MESSAGE}",
            )
            for value, shown in [("1.5", "'1.5'"), ("-1", "'-1'"), ("true", "true")]
        ),
        (
            GOOD + ", enabled: null}",
            "newsite.enabled: null is refused. Only true or false is accepted.",
        ),
        (
            "'a,b': {authUrl: http://a.com, apiKey: 1}",
            f"name of a site: 'a,b' is refused. {NAME_MESSAGE}",
        ),
        (
            "true: {authUrl: http://a.com, apiKey: 1}",
            f"name of a site: true is refused. {TEXT_MESSAGE}",
        ),
        (f"{GOOD}}}\n{GOOD}}}", "line 2, column 1: invalid YAML: 'newsite' is there twice"),
        (
            GOOD + ", authUrl: http://b.com}",
            "line 1, column 69: invalid YAML: 'authUrl' is there twice",
        ),
        (GOOD, "line 1, column 67: invalid YAML: expected ',' or '}', but got '<stream end>'"),
        (
            "newsite:\n\tauthUrl: http://a.com",
            "line 2, column 1: invalid YAML: found character '\\t' that cannot start any token",
        ),
        ("a: 1\n---\nb: 2", "line 2, column 1: invalid YAML: but found another document"),
        ("? [a]\n: b", "line 1, column 3: invalid YAML: found unhashable key"),
        ("a: \x07", "invalid YAML: special characters are not allowed"),
        ("a: !!bool maybe", "invalid YAML: a !!tag does not fit its value"),
        ("a: !!timestamp now", "invalid YAML: a !!tag does not fit its value"),
        ("[" * 5000, "invalid YAML: nested too deeply"),
    ],
)
def test_fault_is_one_line_with_place_value_and_what_is_accepted(
    sites_yml: Path, text: str, message: str
) -> None:
    assert refusal(sites_yml, text) == message


@pytest.mark.parametrize("written", ["true", "null", "1.5", "", "''", "[]", "[a, '']", "{a: b}"])
def test_key_that_is_no_text_is_refused_and_not_shown(sites_yml: Path, written: str) -> None:
    text = f"newsite: {{authUrl: http://newsite.com, apiKey: {written}}}"
    assert refusal(sites_yml, text).startswith(
        "newsite.apiKey: *** is refused. A key or a list of keys"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"newsite: {{authUrl: http://a.com, apikey: {SECRET}}}",
        f"newsite: {{authUrl: http://a.com, apiKey: {{key: {SECRET}}}}}",
        f"newsite: {{authUrl: http://a.com, apiKey: [{SECRET}, '']}}",
        f"newsite: {{authUrl: http://a.com, apiKey: *{SECRET}}}",
        f"newsite: {{authUrl: {{apiKey: {SECRET}}}}}",
        f"newsite: {{authUrl: http://a.com, apiKey: !{SECRET} a}}",
        f"newsite: {{authUrl: http://a.com, apiKey: !{SECRET}!x a}}",
        f"newsite:\n  apiKey: {SECRET}: a\n",
        f"newsite:\n  apiKey: {SECRET}\n authUrl: http://a.com\n",
        f"newsite: {{apiKey: {SECRET}}}",
        f"newsite: {{apiKey: {SECRET}",
        f"a: {{authUrl: http://a.com, apiKey: &{SECRET} x}}\nb: &{SECRET} x",
        f"newsite: {{authUrl: http://user:{SECRET}@a.com, apiKey: 1}}",
    ],
)
def test_no_message_shows_a_key(sites_yml: Path, text: str) -> None:
    message = refusal(sites_yml, text)
    assert SECRET not in message
    assert "\n" not in message


YAML_PIECES = st.sampled_from([*"{}[]:,&*!?-'\"#|>% \n\t", "a", "authUrl", "apiKey", "<<", "1.5"])


@given(st.one_of(st.text(), st.lists(YAML_PIECES).map("".join)))
def test_any_text_is_sites_or_one_line_of_refusal(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "sites.yml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert outcome(path).isprintable()


def test_keys_stay_out_of_logs(sites_yml: Path) -> None:
    assert SECRET not in repr(read(sites_yml, GOOD + "}"))


def test_long_or_broken_values_stay_one_short_line(sites_yml: Path) -> None:
    message = refusal(sites_yml, f'"a\\nb": {{authUrl: "x{"y" * 500}\\n", apiKey: 1}}')
    assert "\n" not in message
    assert len(show_value("y" * 500)) == 80


def test_file_that_is_no_text_is_refused(sites_yml: Path) -> None:
    sites_yml.write_bytes(b"a: \xff")
    with pytest.raises(SitesFileError, match="is no UTF-8 text at byte 3"):
        read_sites_file(sites_yml)


def test_folder_in_place_of_the_file_is_refused(sites_yml: Path) -> None:
    sites_yml.mkdir()
    with pytest.raises(SitesFileError, match="cannot be read: Is a directory"):
        read_sites_file(sites_yml)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"API_KEY": "1"}, "environment: AUTH_URL: is missing. Each site needs one."),
        ({"AUTH_URL": "http://a.com"}, "environment: API_KEY: is missing. Each site needs one."),
        (
            {"AUTH_URL": "http://a.com", "API_KEY": "1", "SITE_NAME": "/a"},
            "environment: SITE_NAME: '/a' is refused. A name becomes a Socket.IO namespace",
        ),
        (
            {"AUTH_URL": "a.com", "API_KEY": "1"},
            "environment: AUTH_URL: 'a.com' is refused. An http:// or https:// address",
        ),
    ],
)
def test_fault_of_the_environment_names_the_variable(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SitesFileError) as caught:
        read_environment({"SITE_NAME": "shop", **environ})
    assert str(caught.value).startswith(message)
