import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.test import Client
from pytest_django import Settings

from sioweb_project.config import PROJECT_DIR
from sioweb_project.demo import site

ODD = [
    "",
    "alice",
    "Bearer",
    "Bearer ",
    "bearer alice",
    "Basic alice",
    "Bearer Alice",
    "Bearer a b",
    "Bearer  alice",
    "Bearer alice\n",
    "Bearer zoë",
    f"Bearer {'x' * 33}",
]
STATUS_OF_PAGE = """
import django
django.setup()
from django.test import Client
print(Client().get("/demo/").status_code, Client().get("/demo/rooms").status_code)
"""


@pytest.fixture
def demo(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whenever the apps are set up, unfold puts an empty admin in the place of the one there is.
    for module in (admin, admin.sites):
        monkeypatch.setattr(module, "site", module.site)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "sioweb_project.demo"]
    settings.ROOT_URLCONF = "tests.sioweb_project.demo_urls"


@pytest.fixture
def html(demo: None, client: Client) -> str:
    return client.get("/demo/").content.decode()


@pytest.mark.parametrize("name", ["alice", "a", "7", "x" * 32])
def test_a_name_of_small_letters_and_digits_has_a_room_of_its_own(
    demo: None, client: Client, name: str
) -> None:
    response = client.get("/demo/rooms", headers={"authorization": f"Bearer {name}"})
    assert response.status_code == 200
    assert response.json() == [f"user_{name}", "staff", "everyone"]


@pytest.mark.parametrize("authorization", ODD)
def test_an_odd_token_is_refused(demo: None, client: Client, authorization: str) -> None:
    response = client.get("/demo/rooms", headers={"authorization": authorization})
    assert response.status_code == 401


def test_no_token_is_refused(demo: None, client: Client) -> None:
    assert client.get("/demo/rooms").status_code == 401


@pytest.mark.parametrize("path", ["/demo/", "/demo/rooms"])
def test_only_reading_is_allowed(demo: None, client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_the_page_knows_site_key_and_path_of_socketio(html: str) -> None:
    assert 'data-site="demo"' in html
    assert f'data-api-key="{site.api_key()}"' in html
    assert 'data-socketio-path="/socket.io"' in html


def test_the_page_is_kept_by_no_cache(demo: None, client: Client) -> None:
    assert "no-store" in client.get("/demo/")["Cache-Control"]


def test_the_page_allows_nothing_from_elsewhere_and_nothing_inline(
    demo: None, client: Client, html: str
) -> None:
    assert "default-src 'self'" in client.get("/demo/")["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", html)


def test_all_that_the_page_names_is_there(html: str) -> None:
    names = re.findall(r'(?:src|href)="/static/([^"]+)"', html)
    assert len(names) == 4
    assert all(finders.find(name) for name in names)


def test_all_modules_of_the_script_are_there(demo: None) -> None:
    script = Path(str(finders.find("demo/demo.js")))
    modules = re.findall(r'from "\./([^"]+)"', script.read_text())
    assert modules
    assert all((script.parent / module).is_file() for module in modules)


def test_the_client_is_shipped_with_its_licence_and_version(demo: None) -> None:
    client_file = Path(str(finders.find("demo/socket.io.min.js")))
    version = re.search(r"Socket\.IO v([\d.]+)", client_file.read_text()[:200])
    notice = client_file.with_name(f"{client_file.name}.LICENSE.txt").read_text()
    assert version
    assert f"version {version[1]}:" in notice
    assert "The MIT License" in notice


def test_production_has_neither_page_nor_template_nor_files(client: Client) -> None:
    assert client.get("/demo/").status_code == 404
    assert finders.find("demo/demo.js") is None
    with pytest.raises(TemplateDoesNotExist):
        get_template("demo/page.html")


@pytest.mark.parametrize(
    ("environment", "statuses"),
    [("development", "200 401"), ("production", "404 404"), ("staging", "404 404")],
)
def test_only_development_serves_the_demo(tmp_path: Path, environment: str, statuses: str) -> None:
    variables = {
        "SIOWEB_ENV": environment,
        "SIOWEB_CONFIG_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "sioweb_project.settings",
    }
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STATUS_OF_PAGE],
        cwd=PROJECT_DIR,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == statuses
