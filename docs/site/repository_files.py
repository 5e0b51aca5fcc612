"""A hook of MkDocs: what stands outside of docs/ and is linked from there comes to the site too.

README.md, CHANGELOG.md and SECURITY.md become pages, other files are copied below `files/`.
Links are written as they work in the repository; here they are turned to where a file has come,
and those to a folder are left out.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PROJECT = Path(__file__).resolve().parents[2]
DOCS = "docs/"
PAGES = {
    "README.md": "start.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
}
FAVICON = ("sioweb_project/static/sioweb/favicon.svg", "images/favicon.svg")
LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<path>[^)#:\s]+)(?P<anchor>(?:#[^)\s]*)?)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    sources = {page.src_uri: DOCS + page.src_uri for page in files.documentation_pages()}
    sources |= {uri: source for source, uri in PAGES.items()}
    wanted = dict([FAVICON]) | PAGES
    for source in sources.values():
        wanted |= {each: place_of(each) for each in linked_files(source)}
    for source, uri in wanted.items():
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(PROJECT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    uri = page.file.src_uri
    source = next((source for source, place in PAGES.items() if place == uri), DOCS + uri)

    def turned(link: re.Match[str]) -> str:
        target = target_of(source, link["path"])
        if (PROJECT / target).is_dir():
            return link["text"]  # a site has no page for a folder
        if not (PROJECT / target).is_file():
            return link[0]  # which MkDocs then warns of
        place = posixpath.relpath(place_of(target), posixpath.dirname(uri) or ".")
        return f"[{link['text']}]({place}{link['anchor']})"

    return LINK.sub(turned, markdown)


def linked_files(source: str) -> Iterator[str]:
    for link in LINK.finditer((PROJECT / source).read_text()):
        target = target_of(source, link["path"])
        if not target.startswith(DOCS) and (PROJECT / target).is_file():
            yield target


def target_of(source: str, path: str) -> str:
    """
    >>> target_of("docs/metrics.md", "../config/deploy/prometheus.yml")
    'config/deploy/prometheus.yml'
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), path))


def place_of(target: str) -> str:
    """
    >>> place_of("docs/http.md"), place_of("SECURITY.md"), place_of("config/config.yml")
    ('http.md', 'security-policy.md', 'files/config/config.yml')
    """
    return PAGES.get(target) or (
        target.removeprefix(DOCS) if target.startswith(DOCS) else f"files/{target}"
    )
