"""Pages about one key beside its form: shown once, rotated, revoked.

`key_admin` and `site_admin` answer with them. A key's text is in the one page that `made`
answers with; `one_time` says how it gets there.
"""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from sites import one_time
from sites.models import ApiKey

# How long the old key goes on, in seconds, to what the page calls it.
OVERLAPS = {
    "0": "Not at all: refuse it now",
    "3600": "One hour",
    "86400": "One day",
    "604800": "One week",
    "2592000": "30 days",
}
USUAL_OVERLAP = "86400"


class RotateForm(forms.Form):
    overlap = forms.ChoiceField(
        label="How long the old key goes on",
        choices=list(OVERLAPS.items()),
        initial=USUAL_OVERLAP,
        widget=forms.RadioSelect,
    )

    @property
    def chosen(self) -> timedelta:
        return timedelta(seconds=int(self.cleaned_data["overlap"]))


def shown_once(request: HttpRequest, row: ApiKey, key: str, note: str = "") -> HttpResponse:
    """Lead to the page that shows a key that was just made."""
    response = HttpResponseRedirect(reverse("admin:sites_apikey_made", args=[row.pk]))
    one_time.hand_over(request, response, {"key": key, "note": note})
    return response


def made(request: HttpRequest, row: ApiKey) -> HttpResponse:
    """Show the key once, and what is known of it from then on. The browser keeps no copy."""
    content = one_time.take(request)
    if content is None:
        messages.info(request, "A key is shown once, when it is made.")
        response: HttpResponse = HttpResponseRedirect(key_url(row))
    else:
        response = _page(request, row, "made", {"title": "New API key", "row": row, **content})
        response["Cache-Control"] = "no-store, private"
    one_time.forget(request, response)
    return response


def ask_to_rotate(request: HttpRequest, row: ApiKey, form: RotateForm) -> HttpResponse:
    return _page(request, row, "rotate", {"title": "Rotate API key", "row": row, "form": form})


def ask_to_revoke(request: HttpRequest, row: ApiKey) -> HttpResponse:
    others = row.site.api_keys.usable().exclude(pk=row.pk).count()
    context = {"title": "Revoke API key", "row": row, "others": others}
    return _page(request, row, "revoke", context)


def key_url(row: ApiKey) -> str:
    return reverse("admin:sites_apikey_change", args=[row.pk])


def _page(request: HttpRequest, row: ApiKey, name: str, context: dict[str, Any]) -> HttpResponse:
    links = {
        "opts": ApiKey._meta,
        "key_url": key_url(row),
        "site_url_of_key": reverse("admin:sites_site_change", args=[row.site.pk]),
    }
    everywhere = admin.site.each_context(request)
    template = f"admin/sites/apikey/{name}.html"
    return TemplateResponse(request, template, everywhere | links | context)
