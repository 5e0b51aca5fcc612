"""What the tests of the admin's pages share: how a browser gets and posts them."""

import re
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.urls import reverse

from sites.models import ApiKey, Site
from sites.registry import Registry

SITES, SITE_ADD = "/admin/sites/site/", "/admin/sites/site/add/"
KEYS, KEY_ADD = "/admin/sites/apikey/", "/admin/sites/apikey/add/"


def site_page(site: Site) -> str:
    return reverse("admin:sites_site_change", args=[site.pk])


def key_page(key: ApiKey) -> str:
    return reverse("admin:sites_apikey_change", args=[key.pk])


def site_form(**fields: str) -> dict[str, str]:
    """What the browser posts from the page of a site; a blank box is a field left out."""
    return {
        "name": "shop",
        "auth_url": "http://shop.com/rooms",
        "auth_scheme": "Bearer",
        "user_room_prefix": "user_",
        "is_enabled": "on",
        "update_user_url": "",
        "public_channel": "",
        "reauth_seconds": "0",
        "api_keys-TOTAL_FORMS": "0",
        "api_keys-INITIAL_FORMS": "0",
    } | fields


def get(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def post(client: Client, path: str, data: dict[str, Any]) -> str:
    """Post and follow to the next page; return its text."""
    response = client.post(path, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def shown_key(page: str) -> str:
    [key] = re.findall(r"<code[^>]*>([\w-]{43})</code>", page)
    return str(key)


def opens(site_name: str, key: str) -> bool:
    registry = Registry()
    registry.load()
    return registry.identify(site_name, key)[0] is not None


def assert_shown_nowhere(client: Client, key: str) -> None:
    row = ApiKey.objects.with_text(key).get()
    pages = (SITES, site_page(row.site), KEYS, key_page(row), "/admin/")
    history = f"{KEYS}{row.pk}/history/", f"{SITES}{row.site.pk}/history/"
    for path in (*pages, *history):
        text = get(client, path)
        assert key not in text
        assert row.digest not in text
    assert key not in serializers.serialize("json", LogEntry.objects.all())
    assert not any(key in str(each.get_decoded()) for each in Session.objects.all())
    assert key not in str(client.cookies)


def with_permissions(client: Client, *names: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def cell(page: str, field: str) -> str:
    """The text of the first row's column in a list."""
    [text, *_] = re.findall(
        rf'<t[dh] class="[^"]*field-{field}[^"]*"[^>]*>(.*?)</t[dh]>', page, re.S
    )
    return re.sub(r"<[^>]*>", "", text).strip()


def rotate_page(row: ApiKey) -> str:
    return f"{KEYS}{row.pk}/rotate/"


def revoke_page(row: ApiKey) -> str:
    return f"{KEYS}{row.pk}/revoke/"
