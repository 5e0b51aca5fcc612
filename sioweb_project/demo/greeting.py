"""What `manage.py serve` says in development once it listens: where to go next.

`settings.ON_LISTENING` names `greet`. It makes what it names: the demo site and, on
the first run, the admin's account.
"""

import json
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import get_random_string

from sioweb_project.config import PROJECT_DIR
from sioweb_project.demo import site
from sites.live_connection import with_live_connection

ADMIN_NAME = "admin"
PASSWORD_CHARACTERS = 16
EXAMPLE = {
    "rooms": [f"{site.USER_ROOM_PREFIX}{site.DEFAULT_USER}", "staff"],
    "event": "update_store",
    "args": ["user", {"id": 1, "age": 5}],
}
NAME_TAKEN = f'none: the name "{site.NAME}" is taken by a site of your own'


def greet(url: str) -> str:
    """Return the text for the terminal; for a thread, as it uses the database."""
    return with_live_connection(_greet, site.reachable(url))


def _greet(base_url: str) -> str:
    account = _describe_admin()
    rows = {"Admin": f"{base_url}/admin/", "": account}
    try:
        site.refresh_site(base_url)
    except site.NameTaken:
        return _aligned({"Demo page": NAME_TAKEN} | rows)
    text = _aligned({"Demo page": f"{base_url}/demo/"} | rows)
    return f"{text}\n  Send the demo page a message:\n\n{_curl_line(base_url)}\n"


def _describe_admin() -> str:
    """Make the first account if there is none, and say how to log in."""
    with transaction.atomic():
        if not User.objects.exists():
            password = get_random_string(PASSWORD_CHARACTERS)
            User.objects.create_superuser(ADMIN_NAME, password=password)
            return f"name {ADMIN_NAME}, password {password} (not shown again)"
    superusers = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    name = superusers.values_list("username", flat=True).first()
    if name is None:
        return f"make an account: {_manage('createsuperuser')}"
    return f"name {name}; new password: {_manage(f'changepassword {name}')}"


def _manage(command: str) -> str:
    """Return a command line that works in the project's folder."""
    python = Path(sys.executable)
    if python.is_relative_to(PROJECT_DIR):
        python = python.relative_to(PROJECT_DIR)
    return f"SIOWEB_ENV={settings.CONFIG.environment} {python} manage.py {command}"


def _curl_line(base_url: str) -> str:
    return (
        f"curl '{base_url}/send?site={site.NAME}' -H 'X-Api-Key: {site.api_key()}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(EXAMPLE)}'"
    )


def _aligned(rows: dict[str, str]) -> str:
    """Lay out `{title: text}` in two columns."""
    width = max(map(len, rows))
    lines = (f"  {title:<{width}}  {text}\n" for title, text in rows.items())
    return "\n" + "".join(lines)
