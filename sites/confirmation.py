"""The page that asks before a site changes so that clients or senders notice.

Between `site_admin`, which takes the form, and `effects`, which knows what would happen.
The posted form goes through the page as it came, and is posted again with the answer.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from sites.effects import Effects, fingerprint, of_change, of_deletion, of_taking
from sites.former_names import FormerName
from sites.models import Site
from sites.status import UNKNOWN, status_of, statuses

CONFIRMED = "_confirmed"  # posted with the fingerprint of what was read on the page
NOT_POSTED_AGAIN = (CONFIRMED, "csrfmiddlewaretoken")


def ask_about_change(request: HttpRequest, form: "ModelForm[Any]") -> HttpResponse | None:
    """Return the page, None when there is nothing to ask, no more, or nothing valid to do."""
    before = Site.objects.get(pk=form.instance.pk)
    if not form.is_valid():
        return None
    effects = of_change(before, form.instance, status_of(before.name))
    if form.instance.name != before.name:
        effects += _of_name(form.instance.name)
    return _ask(request, f"Change {before}?", "Yes, change it", effects)


def ask_about_addition(request: HttpRequest, form: "ModelForm[Any]") -> HttpResponse | None:
    """Return the page or None, as above."""
    if not form.is_valid():
        return None
    name = form.instance.name
    return _ask(request, f"Add {name}?", "Yes, add it", _of_name(name))


def effects_of_deletion(sites: Sequence[Site]) -> list[tuple[Site, Effects]]:
    found = statuses([site.name for site in sites])
    return [(site, of_deletion(site, found.get(site.name, UNKNOWN))) for site in sites]


def _of_name(name: str) -> Effects:
    return of_taking(name) if FormerName.objects.holds(name) else ()


def _ask(request: HttpRequest, title: str, yes: str, effects: Effects) -> HttpResponse | None:
    if not effects or request.POST.get(CONFIRMED) == fingerprint(effects):
        return None
    context = {
        "title": title,
        "yes": yes,
        "opts": Site._meta,
        "effects": effects,
        "fingerprint": fingerprint(effects),
        "confirmed": CONFIRMED,
        "posted": list(_posted(request)),
    }
    template = "admin/sites/site/confirm.html"
    return TemplateResponse(request, template, admin.site.each_context(request) | context)


def _posted(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """Return `(name, value)` of everything that the form has sent."""
    for name, values in request.POST.lists():
        if name not in NOT_POSTED_AGAIN:
            yield from ((name, str(value)) for value in values)
