"""API keys in the admin: made and shown once, labelled, ended, rotated, revoked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format

from sites.access import visible_sites
from sites.admin_base import ApiKeyModelAdmin, ApiKeyModelForm, OfVisibleSites, labelled
from sites.key_pages import (
    RotateForm,
    ask_to_revoke,
    ask_to_rotate,
    key_url,
    made,
    shown_once,
)
from sites.keys import make_key
from sites.models import ApiKey

KEY = "_key"  # attribute of a request: the text of the key that it has made
STATES = {"in use": "success", "expired": "danger", "revoked": "danger"}


class KeyForm(ApiKeyModelForm):
    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        if moment and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("This is in the past. To end a key now, revoke it.")
        return moment


class ApiKeyAdmin(OfVisibleSites, ApiKeyModelAdmin):
    form = KeyForm
    list_display = ("__str__", "site", "state", "origin", "used", "last_used_at", "expires_at")
    list_filter = (
        ("revoked_at", admin.EmptyFieldListFilter),
        ("site", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("site",)
    search_fields = ("label", "first_characters", "site__name")
    actions = ("revoke",)
    facts = ("state", "first_characters", "origin", "created_at", "used", "last_used_at")
    add_fieldsets = (
        (
            None,
            {
                "fields": ("site", "label", "expires_at"),
                "description": "The key itself is made when you save, and shown once.",
            },
        ),
    )
    fieldsets = (
        (None, {"fields": ("site", "label", "expires_at")}),
        ("What is known of it", {"fields": (*facts, "revoked_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        keys: QuerySet[ApiKey] = super().get_queryset(request)
        return keys.filter(site__in=visible_sites(request.user))

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("site", *self.facts, "revoked_at")

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """A key is made for a site that the user sees, whatever the request says."""
        kwargs["queryset"] = visible_sites(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/made/", view(self.made_view), name="sites_apikey_made"),
            path("<int:pk>/rotate/", view(self.rotate_view), name="sites_apikey_rotate"),
            path("<int:pk>/revoke/", view(self.revoke_view), name="sites_apikey_revoke"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if not change:
            key = make_key()
            obj.assign(key)
            setattr(request, KEY, key)
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return shown_once(request, obj, getattr(request, KEY))

    def made_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a new key to whoever has just made it, who need not be able to look at others."""
        row = ApiKey.objects.filter(pk=pk, site__in=visible_sites(request.user)).first()
        if row is None:
            raise Http404
        return made(request, row)

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask how long both keys work, then make the new one and show it."""
        row = self._changeable(request, pk)
        if not row.is_usable:
            messages.error(request, "This key no longer works; make a new one for its site.")
            return HttpResponseRedirect(key_url(row))
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RotateForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return ask_to_rotate(request, row, form)
        return self._rotate(request, row, form.chosen)

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._changeable(request, pk)
        if request.method != "POST":
            return ask_to_revoke(request, row)
        self._revoke(request, row)
        return HttpResponseRedirect(key_url(row))

    @admin.action(description="Revoke selected API keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for row in queryset.filter(revoked_at=None):
            self._revoke(request, row)

    @labelled("state", STATES)
    def state(self, row: ApiKey) -> str:
        if row.revoked_at is not None:
            return "revoked"
        return "in use" if row.is_usable else "expired"

    @admin.display(description="came from")
    def origin(self, row: ApiKey) -> str:
        return "sites.yml" if row.is_from_file else "this admin"

    @admin.display(description="used", ordering="use_count")
    def used(self, row: ApiKey) -> str:
        return {0: "never", 1: "once"}.get(row.use_count, f"{row.use_count:,} times")

    def _changeable(self, request: HttpRequest, pk: int) -> ApiKey:
        row: ApiKey | None = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        return row

    def _rotate(self, request: HttpRequest, row: ApiKey, overlap: timedelta) -> HttpResponse:
        successor, key = ApiKey.objects.rotate(row, overlap)
        end = f"{date_format(row.expires_at, 'DATETIME_FORMAT')} UTC" if row.expires_at else ""
        self.log_change(request, row, f"Rotated: ends {end}.")
        self.log_addition(request, successor, f"Added as the successor of {row}.")
        note = f"The old key, {row}, works until {end}." if row.is_usable else ""
        return shown_once(request, successor, key, note)

    def _revoke(self, request: HttpRequest, row: ApiKey) -> None:
        row.revoke()
        self.log_change(request, row, "Revoked.")
        messages.success(request, f"API key {row} of {row.site} is revoked.")
