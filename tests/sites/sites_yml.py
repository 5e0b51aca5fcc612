"""What the tests of sites.yml share: a site that lacks nothing, and how a text is read."""

from pathlib import Path

import pytest

from sites.entries import SiteEntry, SitesFileError
from sites.sites_file import read_sites_file

SECRET = "s3cret-of-newsite"
GOOD = f"newsite: {{authUrl: 'http://newsite.com', apiKey: {SECRET}"


def read(path: Path, text: str) -> dict[str, SiteEntry]:
    path.write_text(text, "utf-8")
    return read_sites_file(path)


def refusal(path: Path, text: str) -> str:
    """Return the error's text without the path that it has to start with."""
    with pytest.raises(SitesFileError) as caught:
        read(path, text)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")
