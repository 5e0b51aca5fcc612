"""What the tests of sites share: one site, a folder for sites.yml, URLs of the admin alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from sites.models import ApiKey, Site
from sites.sites_file import NAME_VARIABLE, VARIABLES

KEY = "54321"


@pytest.fixture
def newsite(db: None) -> Site:
    """The site of the Node service's own example, with the key 54321."""
    site = Site.objects.create(
        name="newsite", auth_url="http://newsite.com/socketrooms", user_room_prefix="user_"
    )
    ApiKey.objects.add(site, KEY, "backend")
    return site


@pytest.fixture
def sites_yml(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path where the service looks for sites.yml; nothing is there yet."""
    settings.CONFIG = replace(settings.CONFIG, config_dir=tmp_path)
    for variable in (NAME_VARIABLE, *VARIABLES):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "sites.yml"
