"""What the page of a site asks, in its order, and the keys that it shows.

Below `site_admin`; may import `admin_base` and the models.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from sites.admin_base import ApiKeyTabularInline, SiteModelForm
from sites.former_names import FormerName
from sites.key_pages import key_url
from sites.limits import LIMIT_NAMES
from sites.models import ApiKey, Site
from sites.validators import validate_resolved_url

TIMES = "Times"
HELD_NAME = (
    "Another site had this name, and messages for its users may still wait. Only who sees all "
    "sites may take it before their time is over."
)
FIELDSETS: Any = (  # of Django's stubs, which have no name for it
    ("Site", {"fields": ("name", "is_enabled")}),
    (
        "Who a client is",
        {
            "fields": ("auth_url", "auth_scheme", "reauth_seconds"),
            "description": "For each client that connects, the service asks your site which "
            "rooms it is in. In sites.yml this address is authUrl.",
        },
    ),
    (
        "What is kept",
        {
            "fields": ("user_room_prefix",),
            "description": "Messages for one user wait until they are acknowledged; messages "
            "for everyone else are sent once.",
        },
    ),
    (
        "Who may connect, and how much",
        {
            "fields": ("allowed_origins", *LIMIT_NAMES),
            "description": "A site that is busier than the others need not slow them down.",
        },
    ),
    (
        "Who comes and goes",
        {
            "fields": ("update_user_url",),
            "description": "Your site may be told which users are online.",
        },
    ),
    (
        "Who looks after it",
        {
            "fields": ("owners",),
            "description": "What they may do here is set by their permissions and groups.",
        },
    ),
    (
        "Later Node versions",
        {
            "fields": ("prefixed_system_events", "public_channel"),
            "description": "Leave these alone unless your clients were written for them.",
        },
    ),
    (TIMES, {"fields": ("created_at", "updated_at")}),
)


class ApiKeyInline(ApiKeyTabularInline):
    model = ApiKey
    fields = readonly_fields = (
        "key",
        "is_from_file",
        "use_count",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    can_delete = False
    extra = 0

    @admin.display(description="key")
    def key(self, row: ApiKey) -> str:
        return format_html('<a href="{}" class="text-link">{}</a>', key_url(row), row)

    def has_add_permission(self, request: HttpRequest, obj: Site | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Site | None = None) -> bool:
        return False


class SiteForm(SiteModelForm):
    sees_all = False  # who fills it in

    def clean_auth_url(self) -> str:
        return _resolved(self.cleaned_data["auth_url"])

    def clean_update_user_url(self) -> str:
        return _resolved(self.cleaned_data["update_user_url"])

    def validate_unique(self) -> None:
        """Look at former names last: a site that went until now has left its own there."""
        super().validate_unique()
        name = self.cleaned_data.get("name")  # None where it is wrong, taken or not asked for
        if name and not self.sees_all and FormerName.objects.holds(name):
            self.add_error("name", HELD_NAME)


def _resolved(url: str) -> str:
    if url:
        validate_resolved_url(url)
    return url
