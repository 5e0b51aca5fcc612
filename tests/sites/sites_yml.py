"""What the tests of sites.yml share: a site that lacks nothing, and how a text is read."""

from pathlib import Path

from sites.entries import SiteEntry
from sites.sites_file import read_sites_file

SECRET = "s3cret-of-newsite"
GOOD = f"newsite: {{authUrl: 'http://newsite.com', apiKey: {SECRET}"


def read(path: Path, text: str) -> dict[str, SiteEntry]:
    path.write_text(text, "utf-8")
    return read_sites_file(path)
