"""Making, digesting and showing API keys."""

import pytest
from django.utils.crypto import salted_hmac
from pytest_django import Settings

from sites.keys import digest_key, make_key, show_start


def test_made_keys_are_long_and_all_different() -> None:
    keys = {make_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) >= 43


def test_digest_depends_on_the_secret_key(settings: Settings) -> None:
    before = digest_key("54321")
    settings.SECRET_KEY = "another secret"
    assert digest_key("54321") != before


def test_digest_is_the_one_of_django_by_which_keys_are_stored() -> None:
    assert digest_key("54321") == salted_hmac("sites.ApiKey", "54321", algorithm="sha256").digest()


def test_digest_is_a_sha256_and_the_same_each_time() -> None:
    assert digest_key("54321") == digest_key("54321")
    assert len(digest_key("54321")) == 32


@pytest.mark.parametrize("key", ["", "ü", "\ud800", "k" * 100_000])
def test_every_text_has_a_digest(key: str) -> None:
    assert len(digest_key(key)) == 32


@pytest.mark.parametrize(
    ("key", "shown"), [("abc", ""), ("54321", "5"), ("k" * 15, "kkk"), ("k" * 400, "kkkk")]
)
def test_at_most_a_quarter_and_four_characters_are_shown(key: str, shown: str) -> None:
    assert show_start(key) == shown
