"""The page that tries a token on a site's authUrl.

A token comes by POST only, and goes into no URL, log, page, session or row.
"""

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminTextInputWidget

from delivery.service import service
from delivery.site_auth import MAX_TOKEN_LENGTH
from sioweb_project.control.auth_check import TIMEOUT_SECONDS, AuthCheck, check
from sites.access import CHANGE_SITE, may, visible_sites
from sites.models import Site


class TokenForm(forms.Form):
    token = forms.CharField(
        label="Token",
        required=False,  # what happens without one is worth knowing
        strip=False,
        help_text="As a client of this site would bring it. It is sent to the auth URL, and "
        "kept nowhere.",
        widget=UnfoldAdminTextInputWidget(
            # Past the length that is refused, so that the refusal can be seen.
            {"autocomplete": "off", "spellcheck": "false", "maxlength": MAX_TOKEN_LENGTH + 1}
        ),
    )


@sensitive_post_parameters("token")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    site = get_object_or_404(visible_sites(request.user), pk=pk)
    if not may(request.user, site, CHANGE_SITE):
        raise PermissionDenied
    result = None
    if request.method == "POST":
        form = TokenForm(request.POST)
        if form.is_valid():
            result = async_to_sync(_check)(site, form.cleaned_data["token"])
    context = {
        "title": f"Check authUrl of {site}",
        "opts": Site._meta,
        "site": site,
        "form": TokenForm(),  # not the one that was posted: the token is not shown again
        "result": result,
        "timeout_seconds": int(TIMEOUT_SECONDS),
    }
    template = "control/auth_check.html"
    return TemplateResponse(request, template, admin.site.each_context(request) | context)


async def _check(site: Site, token: str) -> AuthCheck:
    """The border between the page's thread and the loop that clients connect on: under ASGI
    `async_to_sync` runs this there, so that the check shares the service's calls and limits."""
    return await check(service().clients, site, token)
