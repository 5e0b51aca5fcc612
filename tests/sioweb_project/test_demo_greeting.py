import re
import shlex

import orjson
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from sioweb_project.demo import site
from sioweb_project.demo.greeting import greet
from sites.models import ApiKey, Site
from sites.registry import Registry

URL = "http://127.0.0.1:1337"
EVERY_INTERFACE = "0.0.0.0"  # noqa: S104

pytestmark = pytest.mark.django_db


def curl_line(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("curl "))


def test_the_first_run_makes_an_admin_whose_password_it_shows() -> None:
    shown = re.search(r"name admin, password (\w{16}) ", greet(URL))
    assert shown
    user = User.objects.get(username="admin")
    assert user.check_password(shown[1])
    assert user.is_superuser


def test_a_later_run_shows_no_password_and_how_to_set_one() -> None:
    greet(URL)
    before = User.objects.get().password
    later = greet(URL)
    assert "password:" in later
    assert "manage.py changepassword admin" in later
    assert User.objects.get().password == before


def test_an_admin_of_another_name_is_the_one_that_is_named() -> None:
    User.objects.create_superuser("zoe", password="secret")
    assert "manage.py changepassword zoe" in greet(URL)


def test_without_any_admin_it_says_how_to_make_one() -> None:
    User.objects.create_user("zoe", password="secret")
    assert "manage.py createsuperuser" in greet(URL)
    assert User.objects.count() == 1


def test_it_names_the_page_and_the_admin() -> None:
    text = greet(URL)
    assert f"Demo page  {URL}/demo/\n" in text
    assert f"Admin      {URL}/admin/\n" in text


def test_the_site_asks_this_service_for_rooms() -> None:
    greet(URL)
    demo = Site.objects.get()
    assert (demo.name, demo.auth_url) == ("demo", f"{URL}/demo/rooms")
    assert (demo.user_room_prefix, demo.auth_scheme) == ("user_", "Bearer")


def test_the_key_works_and_stays_the_same() -> None:
    first, second = curl_line(greet(URL)), curl_line(greet(URL))
    assert first == second
    assert site.api_key() in first
    registry = Registry()
    registry.load()
    assert registry.identify("demo", site.api_key())[0]
    assert ApiKey.objects.count() == 1


def test_another_installation_has_another_key(settings: Settings) -> None:
    key = site.api_key()
    settings.SECRET_KEY = "another key for tests only, of no use elsewhere"
    assert site.api_key() != key


def test_a_revoked_key_works_again_after_the_next_start() -> None:
    greet(URL)
    ApiKey.objects.get().revoke()
    greet(URL)
    registry = Registry()
    registry.load()
    assert registry.identify("demo", site.api_key())[0]


def test_another_port_moves_the_site() -> None:
    greet(URL)
    text = greet("http://127.0.0.1:8000")
    assert Site.objects.get().auth_url == "http://127.0.0.1:8000/demo/rooms"
    assert "curl 'http://127.0.0.1:8000/send?site=demo'" in text


def test_every_interface_becomes_an_address_to_call() -> None:
    text = greet(f"http://{EVERY_INTERFACE}:1337")
    assert f"{URL}/demo/\n" in text
    assert EVERY_INTERFACE not in text
    assert Site.objects.get().auth_url == f"{URL}/demo/rooms"


def test_a_site_of_the_developer_that_is_named_demo_stays_as_it_is() -> None:
    Site.objects.create(name="demo", auth_url="http://newsite.com/rooms")
    text = greet(URL)
    assert Site.objects.get().auth_url == "http://newsite.com/rooms"
    assert not ApiKey.objects.exists()
    assert "Demo page  none" in text
    assert "curl" not in text


def test_the_curl_line_is_a_message_to_the_user_of_the_page() -> None:
    words = shlex.split(curl_line(greet(URL)))
    body = orjson.loads(words[words.index("-d") + 1])
    assert body["rooms"] == ["user_alice", "staff"]
    assert f"X-Api-Key: {site.api_key()}" in words
