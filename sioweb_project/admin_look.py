"""How the admin looks: what django-unfold is told, and the links at its side.

For settings.py. Another app's pages get their links by an item of NAVIGATION.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

TITLE = "sioweb"
FAVICON = "sioweb/favicon.svg"
STYLESHEET = "sites/admin.css"

# The accent of the demo page, in the steps that unfold mixes its buttons and links from:
# 600 is text on light pages, 500 on dark ones, so both keep a contrast of 4.5.
ACCENT = {
    "50": "oklch(96.2% .018 272.314)",
    "100": "oklch(93% .034 272.788)",
    "200": "oklch(87% .065 274.039)",
    "300": "oklch(78.5% .115 274.713)",
    "400": "oklch(74% .14 275.5)",
    "500": "oklch(67.3% .182 276.935)",
    "600": "oklch(51.1% .262 276.966)",
    "700": "oklch(45.7% .24 277.023)",
    "800": "oklch(39.8% .195 277.366)",
    "900": "oklch(35.9% .144 278.697)",
    "950": "oklch(25.7% .09 281.288)",
}


def favicon_url(request: HttpRequest) -> str:
    return static(FAVICON)


def stylesheet_url(request: HttpRequest) -> str:
    return static(STYLESHEET)


def needs(permission: str) -> Any:
    """Show a link to those only who may follow it."""

    def may_follow(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return may_follow


def has_second_factor(request: HttpRequest) -> bool:
    return bool(settings.CONFIG.admin.second_factor != "off")


def link(title: str, icon: str, view: str, permission: str) -> dict[str, Any]:
    """Return a link to a page of the admin; `icon` is a name of Material Symbols."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(view),
        "permission": needs(permission),
    }


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Push service",
        "items": [
            {"title": "Overview", "icon": "home", "link": reverse_lazy("admin:index")},
            link("Sites", "language", "admin:sites_site_changelist", "sites.view_site"),
            link("API keys", "key", "admin:sites_apikey_changelist", "sites.view_apikey"),
            link("Live view", "monitoring", "control:live", "sites.view_site"),
            link("User inspector", "person_search", "control:inspector", "sites.view_site"),
            link("Test sender", "send", "control:sender", "sites.send_test"),
        ],
    },
    {
        "title": "People",
        "items": [
            link("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            link("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
            link("Changes", "history", "admin:admin_logentry_changelist", "admin.view_logentry"),
            {
                "title": "Second factor",
                "icon": "passkey",
                "link": reverse_lazy("second_factor"),
                "permission": has_second_factor,
            },
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": TITLE,
    "SITE_HEADER": TITLE,
    "SITE_SUBHEADER": "Push service",
    "SITE_URL": None,
    "SITE_ICON": favicon_url,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon_url}],
    "DASHBOARD_CALLBACK": "sioweb_project.control.start_page.fill",
    "STYLES": [stylesheet_url],
    "COLORS": {"primary": ACCENT},
    "SIDEBAR": {"navigation": NAVIGATION},
}
