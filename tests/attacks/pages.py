"""Attacks on the admin and its files, by who is not logged in."""

import re
from urllib.parse import urlencode

from tests.attacks.attack import attack
from tests.attacks.target import Target, request

LOGIN = "/admin/login/"
FORM = "application/x-www-form-urlencoded"
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')
COOKIE = re.compile(rb"csrftoken=([^;]+)")


async def log_in(target: Target, name: str, password: str, address: str, **more: str) -> str:
    _, head, page = await target.fetch(request("GET", LOGIN))
    token, cookie = TOKEN.search(page), COOKIE.search(head)
    if token is None or cookie is None:
        return "no form"
    fields = {"csrfmiddlewaretoken": token[1].decode(), "username": name, "password": password}
    headers = {
        "Cookie": f"csrftoken={cookie[1].decode()}",
        "Content-Type": FORM,
        "X-Forwarded-For": address,
    }
    return await target.ask(request("POST", LOGIN, headers, urlencode(fields | more).encode()))


@attack(
    "200", "429", stopped_by="10 failures of a name from an address, then it waits: 429", at_once=2
)
async def login_guessing(target: Target) -> str:
    """One password after the other for the same name."""
    return await log_in(target, "admin", f"guess-{next(target.numbers)}", "203.0.113.12")


@attack("200", "429", stopped_by="what a field may hold is bounded before it is hashed", at_once=2)
async def odd_logins(target: Target) -> str:
    """Names and passwords of a hundred thousand characters, with NUL, or in SQL."""
    names = "a" * 100_000, "a\x00b", "' OR 1=1 --", "admin\r\n", "\u202e"
    name = names[next(target.numbers) % len(names)]
    return await log_in(target, name, name, target.address(), next="https://evil.example/")


@attack("403", stopped_by="a form needs the token of its own page, and cookies are SameSite=Lax")
async def forged_forms(target: Target) -> str:
    """Forms of the admin posted from another page: no token, a wrong one, a foreign origin."""
    headers = {"Content-Type": FORM, "Origin": "https://evil.example", "Cookie": "csrftoken=x"}
    paths = LOGIN, "/admin/logout/", "/admin/sites/site/add/"
    path = paths[next(target.numbers) % len(paths)]
    return await target.ask(request("POST", path, headers, b"csrfmiddlewaretoken=x&username=a"))


@attack("302", stopped_by="a session is a row of the database: what is made up is none")
async def forged_sessions(target: Target) -> str:
    """Cookies of sessions that do not exist, of 8,000 characters, or pickled."""
    values = (
        "x" * 32,
        "x" * 8000,
        "gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU",
        "../../etc/passwd",
        "{}",
    )
    headers = {"Cookie": f"sessionid={values[next(target.numbers) % len(values)]}"}
    return await target.ask(request("GET", "/admin/sites/site/", headers))


@attack("302", stopped_by="every page of the admin wants a login")
async def pages_without_login(target: Target) -> str:
    """The pages behind the login: sites, keys, the live view and its stream."""
    paths = "/admin/", "/admin/sites/site/1/change/", "/admin/sites/apikey/", "/admin/control/live/"
    return await target.ask(request("GET", paths[next(target.numbers) % len(paths)]))


@attack("404", "400", "403", stopped_by="only files that were found at the start are served")
async def path_traversal(target: Target) -> str:
    """Paths that lead out of the static files."""
    paths = (
        *("/static/../config/config.yml", "/static/..%2f..%2fsioweb_project/settings.py"),
        *("/static//etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%5c..%5cx"),
        *("/static/%00", "/static/....//....//etc/passwd", "/static/admin/"),
    )
    return await target.ask(request("GET", paths[next(target.numbers) % len(paths)]))


@attack("404", stopped_by="they exist in development only")
async def pages_of_development(target: Target) -> str:
    """The demo page, debug pages, files of the repository."""
    paths = "/demo/", "/.git/config", "/__debug__/", "/.env", "/config/sites.yml", "/docs"
    return await target.ask(request("GET", paths[next(target.numbers) % len(paths)]))


@attack("404", stopped_by="404, and no template of it")
async def error_page_flood(target: Target) -> str:
    """Pages that do not exist, as fast as they are answered."""
    return await target.ask(request("GET", f"/nowhere-{next(target.numbers)}"))


@attack(
    "refused 403", "refused 404", "refused 400", stopped_by="websockets are for Socket.IO's path"
)
async def websockets_elsewhere(target: Target) -> str:
    """Websockets of other paths."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    path = ("/admin/", "/send", "/ws", "/")[next(target.numbers) % 4]
    return f"refused {await target.ask(request('GET', path, headers))}"
