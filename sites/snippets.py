"""Code to copy for one site: calls of /send in five languages, and the client in a browser.

The code is in `templates/sites/snippets`, with ready literals of each language in it.
A key or a token is always a placeholder on the page.
"""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from sites.models import Site
from sites.snapshots import SiteSnapshot

KEY_PLACEHOLDER = "YOUR_API_KEY"
TOKEN_PLACEHOLDER = "TOKEN_OF_THE_USER"  # noqa: S105  # a placeholder
USUAL_PATH = "/socket.io"  # what clients take if they are told nothing
ROOM_WITHOUT_USERS = "everyone"
TEMPLATES = {
    "curl": "curl.sh",
    "Python": "python.txt",
    "Node": "node.mjs",
    "PHP": "php.php",
    "Ruby": "ruby.rb",
    "Browser": "browser.js",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    title: str
    text: str

    @property
    def html_id(self) -> str:
        return f"snippet-{self.title.lower()}"


def page(request: HttpRequest, site: Site) -> HttpResponse:
    context = {
        "title": f"Code for {site}",
        "opts": Site._meta,
        "site": site,
        "snippets": snippets(site, request.build_absolute_uri("/").rstrip("/")),
        "key_placeholder": KEY_PLACEHOLDER,
        "token_placeholder": TOKEN_PLACEHOLDER,
    }
    template = "admin/sites/site/snippets.html"
    return TemplateResponse(request, template, admin.site.each_context(request) | context)


def snippets(
    site: Site, base_url: str, key: str = KEY_PLACEHOLDER, token: str = TOKEN_PLACEHOLDER
) -> list[Snippet]:
    """Return the code for a service that is reached at `base_url`, such as http://host:1337."""
    values = _values(site, base_url, key, token)
    context = {
        "shell": _literals(values, shlex.quote),
        "double": _literals(values, double_quoted),
        "single": _literals(values, single_quoted),
    }
    return [
        Snippet(title, render_to_string(f"sites/snippets/{name}", context).strip() + "\n")
        for title, name in TEMPLATES.items()
    ]


def double_quoted(text: str) -> str:
    """Return a literal of Python and JavaScript alike.

    >>> print(double_quoted('a "b" ü'))
    "a \\"b\\" ü"
    """
    return json.dumps(text, ensure_ascii=False)


def single_quoted(text: str) -> str:
    r"""Return a literal of PHP and Ruby alike, in which nothing is interpolated.

    >>> print(single_quoted("it's #{x} $y"))
    'it\'s #{x} $y'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _values(site: Site, base_url: str, key: str, token: str) -> dict[str, str]:
    known = SiteSnapshot(
        site.name, site.auth_url, prefixed_system_events=site.prefixed_system_events
    )
    room = f"{site.user_room_prefix}1" if site.user_room_prefix else ROOM_WITHOUT_USERS
    message = {"rooms": [room], "event": "update_store", "args": ["user", {"id": 1}]}
    path = settings.CONFIG.io.path.rstrip("/")
    return {
        "url": f"{base_url}/send?site={quote(site.name, safe='')}",
        "namespace_url": f"{base_url}/{site.name}",
        "path": "" if path == USUAL_PATH else path,
        "authorization": f"Authorization: Bearer {key}",
        "bearer": f"Bearer {key}",
        "body": json.dumps(message, ensure_ascii=False),
        "room": room,
        "token": token,
        "batch_event": known.batch_event,
        "resync_event": known.resync_event,
    }


def _literals(values: dict[str, str], literal: Callable[[str], str]) -> dict[str, str]:
    """Write each value as a language has it; "" stays, as what is left out."""
    return {name: literal(value) if value else "" for name, value in values.items()}
