"""The page of the second factor: show a code, or set up an authenticator, or remove it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from sioweb_project.second_factor import devices

WRONG = "This code is not the one that the authenticator shows now, or it came too soon after a "
WRONG += "wrong one. Wait for the next."


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=16,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    if settings.CONFIG.admin.second_factor == "off":
        raise Http404
    if not admin.site.has_permission(request):
        return HttpResponseRedirect(reverse("admin:login"))
    has_device = devices.has_device(request.user)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        code = form.cleaned_data["code"].replace(" ", "")
        if devices.verify(request, code, confirmed=has_device):
            return _accepted(request, had_device=has_device)
        form.add_error("code", WRONG)
    return _render(request, form, has_device=has_device)


def _accepted(request: HttpRequest, *, had_device: bool) -> HttpResponse:
    if "remove" in request.POST:
        devices.remove_devices(request.user)
        messages.warning(request, "Your second factor is removed.")
    elif not had_device:
        messages.success(request, "From now on you log in with a code of your authenticator.")
    following = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(
        following, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        following = reverse("admin:index")
    return HttpResponseRedirect(following)


def _render(request: HttpRequest, form: CodeForm, *, has_device: bool) -> HttpResponse:
    user: Any = request.user
    context: dict[str, Any] = {"title": "Second factor", "form": form}
    if has_device:
        context["state"] = "on" if user.is_verified() else "asked"
    else:
        kept = devices.unconfirmed_device(user) if request.method == "POST" else None
        device = kept or devices.new_device(user)
        context["state"] = "off"
        context["secret"] = devices.secret_text(device)
        context["qr_code"] = devices.qr_code(device)
    page = {**admin.site.each_context(request), **context}
    return render(request, "control/second_factor.html", page)
