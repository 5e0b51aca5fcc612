"""Code to copy: what it says, for odd names too, and that no key is in it."""

import ast
import json
import shlex
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from sites.models import Site
from sites.snippets import KEY_PLACEHOLDER, snippets
from tests.sites.admin_pages import SITES, get, site_page, with_permissions
from tests.sites.conftest import KEY

URL = "http://push.example:1337"
ODD = """it's-"odd"-\\-$x-#{y}-`id`-&-<b>-ü-😀"""


def texts(**fields: object) -> dict[str, str]:
    site = Site(name="newsite", auth_url="http://a.com", user_room_prefix="user_")
    for name, value in fields.items():
        setattr(site, name, value)
    return {snippet.title: snippet.text for snippet in snippets(site, URL)}


def test_every_call_names_service_site_and_room() -> None:
    for title, text in texts().items():
        if title != "Browser":
            assert f"{URL}/send?site=newsite" in text
            assert f"Bearer {KEY_PLACEHOLDER}" in text
            assert "user_1" in text


def test_without_user_rooms_it_sends_to_everyone() -> None:
    assert '"rooms": ["everyone"]' in texts(user_room_prefix="")["curl"]


def test_odd_names_stay_text_in_a_shell() -> None:
    words = shlex.split(texts(name=ODD, user_room_prefix=ODD)["curl"])
    assert words[1].startswith(f"{URL}/send?site=it%27s-%22odd%22-%5C-%24x-%23%7By%7D-%60id%60-")
    assert json.loads(words[-1])["rooms"] == [f"{ODD}1"]


def test_odd_names_stay_text_in_python() -> None:
    tree = ast.parse(texts(user_room_prefix=ODD)["Python"])
    literals = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert f"{ODD}1" in literals


def test_odd_names_stay_text_in_php_and_ruby() -> None:
    for title in ("PHP", "Ruby"):
        assert """'it\\'s-"odd"-\\\\-$x-#{y}-`id`""" in texts(user_room_prefix=ODD)[title]


@pytest.mark.parametrize(
    ("is_prefixed", "batch", "resync"), [(False, "batch", "resync"), (True, "_batch", "_resync")]
)
def test_the_client_listens_to_the_names_of_the_site(
    is_prefixed: bool, batch: str, resync: str
) -> None:
    text = texts(prefixed_system_events=is_prefixed)["Browser"]
    assert f'socket.on("{batch}"' in text
    assert f'socket.on("{resync}"' in text
    assert f'io("{URL}/newsite", {{ auth:' in text


def test_the_client_is_told_a_path_that_is_not_the_usual_one(settings: Settings) -> None:
    io = replace(settings.CONFIG.io, path="/push")
    settings.CONFIG = replace(settings.CONFIG, io=io)
    assert '{ path: "/push", auth:' in texts()["Browser"]


@pytest.mark.django_db
@pytest.mark.urls("tests.sites.urls")
def test_the_page_escapes_all_and_holds_no_key(admin_client: Client, newsite: Site) -> None:
    newsite.user_room_prefix = "<b>user_"
    newsite.save()
    path = f"{SITES}{newsite.pk}/snippets/"
    assert path in get(admin_client, site_page(newsite))
    page = get(admin_client, path)
    assert "<b>user_" not in page
    assert "&lt;b&gt;user_1" in page
    assert "http://testserver/send?site=newsite" in page
    assert KEY not in page
    assert page.count("data-copy=") == 6


@pytest.mark.django_db
@pytest.mark.urls("tests.sites.urls")
def test_the_page_is_for_those_who_see_the_site(client: Client, newsite: Site) -> None:
    staff = with_permissions(client, "view_site")
    path = f"{SITES}{newsite.pk}/snippets/"
    assert staff.get(path).status_code == 404
    newsite.owners.add(User.objects.get(username="staff"))
    assert staff.get(path).status_code == 200
