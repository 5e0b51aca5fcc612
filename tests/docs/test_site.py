"""`make docs`: the pages as a site, which needs nobody else's server."""

import re
from pathlib import Path

import pytest

from sioweb_project.config import PROJECT_DIR
from tests.docs.building import build
from tests.docs.pages import all_pages

# What a browser fetches without being asked: not the links that somebody may click on.
LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?(?:src|href)=[\"']?([^\"'\s>]+)")
STYLE_LOADS = re.compile(r"(?:url\(|@import\s+)[\"']?(?:https?:)?//[^\"')]+")
REMOTE = re.compile(r"(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


def test_every_page_is_built(site: Path) -> None:
    own_names = {"README": "start", "CHANGELOG": "changelog", "SECURITY": "security-policy"}
    for page in all_pages():
        name = page.removeprefix("docs/").removesuffix(".md")
        assert (site / f"{own_names.get(name, name)}.html").is_file()


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = LOADED.findall(page.read_text())
        assert loaded
        assert [each for each in loaded if REMOTE.match(each)] == []
        assert 'class="mermaid"' not in page.read_text()  # its script would come from elsewhere
    for style in site.rglob("*.css"):
        assert STYLE_LOADS.findall(style.read_text()) == []


def test_files_of_the_repository_come_along(site: Path) -> None:
    alerts = "config/deploy/prometheus-alerts.yml"
    assert (site / "files" / alerts).read_text() == (PROJECT_DIR / alerts).read_text()
    assert f'href="files/{alerts}"' in (site / "metrics.html").read_text()


def test_the_search_knows_the_pages(site: Path) -> None:
    index = (site / "search/search_index.json").read_text()
    assert "connections_per_user_room" in index
