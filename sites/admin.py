"""Sites and API keys in the Django admin.

A key's text is shown once, in the message after it was made, and goes nowhere else:
not into the log of changes, nor into any page.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html

from sites.keys import make_key
from sites.models import ApiKey, Site

if TYPE_CHECKING:
    SiteModelAdmin = admin.ModelAdmin[Site]
    ApiKeyModelAdmin = admin.ModelAdmin[ApiKey]
    ApiKeyTabularInline = admin.TabularInline[ApiKey, Site]
else:  # Django's classes take no parameters at run time
    SiteModelAdmin = ApiKeyModelAdmin = admin.ModelAdmin
    ApiKeyTabularInline = admin.TabularInline

ADD_KEY = "_add_key"  # names of the extra submit buttons
REVOKE = "_revoke"
FIRST_LABEL = "first key"
KEY_MESSAGE = (
    'New API key of {}: <code style="overflow-wrap: anywhere">{}</code> '
    "Copy it now, it is not shown again."
)


class ApiKeyInline(ApiKeyTabularInline):
    model = ApiKey
    fields = readonly_fields = (
        "label",
        "first_characters",
        "created_at",
        "last_used_at",
        "revoked_at",
    )
    can_delete = False
    show_change_link = True
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Site | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Site | None = None) -> bool:
        return False


@admin.register(Site)
class SiteAdmin(SiteModelAdmin):
    # The widest column last: on a phone the table is scrolled to see it.
    list_display = ("name", "is_enabled", "key_count", "updated_at", "auth_url")
    list_filter = ("is_enabled", "prefixed_system_events")
    search_fields = ("name", "auth_url")
    readonly_fields = ("created_at", "updated_at")
    inlines = (ApiKeyInline,)
    fieldsets = (
        (None, {"fields": ("name", "is_enabled", "auth_url", "auth_scheme", "user_room_prefix")}),
        (
            "Later Node versions",
            {"fields": ("prefixed_system_events", "update_user_url", "public_channel")},
        ),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        usable = Q(api_keys__isnull=False, api_keys__revoked_at=None)
        return super().get_queryset(request).annotate(key_count=Count("api_keys", filter=usable))

    @admin.display(description="keys in use", ordering="key_count")
    def key_count(self, site: Any) -> int:
        return int(site.key_count)

    def response_add(
        self, request: HttpRequest, obj: Site, post_url_continue: str | None = None
    ) -> HttpResponse:
        response = super().response_add(request, obj, post_url_continue)
        self._add_key(request, obj, FIRST_LABEL)
        return response

    def response_change(self, request: HttpRequest, obj: Site) -> HttpResponse:
        if ADD_KEY not in request.POST or not self._may_add_key(request):
            return super().response_change(request, obj)
        self._add_key(request, obj)
        return HttpResponseRedirect(request.path)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["can_add_key"] = self._may_add_key(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def _add_key(self, request: HttpRequest, site: Site, label: str = "") -> None:
        row, key = ApiKey.objects.make(site, label)
        self.log_change(request, site, [{"added": {"name": "API key", "object": str(row)}}])
        show_key(request, site, key)

    def _may_add_key(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sites.add_apikey")


@admin.register(ApiKey)
class ApiKeyAdmin(ApiKeyModelAdmin):
    list_display = ("__str__", "site", "revoked_at", "last_used_at", "created_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "site")
    list_select_related = ("site",)
    search_fields = ("label", "first_characters", "site__name")
    autocomplete_fields = ("site",)
    actions = ("revoke",)
    times = ("first_characters", "created_at", "last_used_at", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("site", "label") if obj is None else ("site", "label", *self.times)

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("site", *self.times)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        key = make_key()
        obj.assign(key)
        super().save_model(request, obj, form, change)
        show_key(request, obj.site, key)

    @admin.action(description="Revoke selected API keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for row in queryset.filter(revoked_at=None):
            self._revoke(request, row)

    def response_change(self, request: HttpRequest, obj: ApiKey) -> HttpResponse:
        if REVOKE not in request.POST:
            return super().response_change(request, obj)
        self._revoke(request, obj)
        return HttpResponseRedirect(request.path)

    def _revoke(self, request: HttpRequest, row: ApiKey) -> None:
        row.revoke()
        self.log_change(request, row, "Revoked.")
        messages.success(request, f"API key {row} of {row.site} is revoked.")


def show_key(request: HttpRequest, site: Site, key: str) -> None:
    messages.success(request, format_html(KEY_MESSAGE, site.name, key))
