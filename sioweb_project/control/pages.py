"""The three pages: what they are drawn with. What moves on them comes from the other views."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sioweb_project.control.access import check_view, may_see_all
from sites.access import SEND_TEST, VIEW_SITE, User, visible_sites

MAX_SITES = 500  # in the list to choose from


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    context = _context(request, "Live view")
    if context["site_name"] or not context["may_see_all"]:
        check_view(request.user, context["site_name"])
    return render(request, "control/live.html", context)


@require_safe
def inspector(request: HttpRequest) -> HttpResponse:
    return render(request, "control/inspector.html", _context(request, "User inspector"))


@require_safe
def sender(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(SEND_TEST):
        raise PermissionDenied
    return render(request, "control/sender.html", _context(request, "Test sender"))


def _context(request: HttpRequest, title: str) -> dict[str, Any]:
    """Choose the site of the URL, else the user's first where not all may be seen at once."""
    user = request.user
    if not user.has_perm(VIEW_SITE):
        raise PermissionDenied
    names = _names(user)
    name = request.GET.get("site", "")
    if not name and names and not may_see_all(user):
        name = names[0]
    return {
        **admin.site.each_context(request),
        "title": title,
        "site_names": names,
        "site_name": name,
        "room": request.GET.get("room", ""),
        "may_see_all": may_see_all(user),
        "may_send": user.has_perm(SEND_TEST),
        "page": request.resolver_match.url_name if request.resolver_match else "",
    }


def _names(user: User) -> list[str]:
    return list(visible_sites(user).order_by("name").values_list("name", flat=True)[:MAX_SITES])
