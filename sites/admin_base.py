"""What the pages of sites and of keys have in common: the look, and whose sites they show.

Below `site_admin` and `key_admin`; may import `access` and the models.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.admin import TabularInline as UnfoldTabularInline
from unfold.decorators import display

from sites.access import covers
from sites.models import ApiKey, Site

if TYPE_CHECKING:
    SiteModelAdmin = admin.ModelAdmin[Site]
    ApiKeyModelAdmin = admin.ModelAdmin[ApiKey]
    ApiKeyTabularInline = admin.TabularInline[ApiKey, Site]
    ApiKeyModelForm = ModelForm[ApiKey]
    SiteModelForm = ModelForm[Site]
    Permissions = admin.ModelAdmin[Any]
else:  # these classes take no parameters at run time
    SiteModelAdmin = ApiKeyModelAdmin = UnfoldModelAdmin
    ApiKeyTabularInline = UnfoldTabularInline
    ApiKeyModelForm = SiteModelForm = ModelForm
    Permissions = object

Shown = TypeVar("Shown", bound=Callable[..., Any])


class OfVisibleSites(Permissions):
    """Permissions that end at the sites of others; stands before the admin's own class."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and _reaches(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _reaches(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _reaches(request, obj)


def labelled(description: str, colours: dict[str, str]) -> Callable[[Shown], Shown]:
    """Show what the method returns as a label; `{"revoked": "danger"}` are unfold's variants."""
    return cast("Callable[[Shown], Shown]", display(description=description, label=colours))


def _reaches(request: HttpRequest, obj: Site | ApiKey | None) -> bool:
    """Without an object the question is about the table; get_queryset() narrows that."""
    if obj is None:
        return True
    return covers(request.user, obj.site if isinstance(obj, ApiKey) else obj)
