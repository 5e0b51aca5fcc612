"""Sites in the admin: how each is doing, what it is, its keys."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import unquote
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from sites import snippets
from sites.access import ADD_KEY, may, sees_all, visible_sites
from sites.admin_base import OfVisibleSites, SiteModelAdmin
from sites.confirmation import ask_about_addition, ask_about_change, effects_of_deletion
from sites.former_names import FormerName
from sites.key_pages import shown_once
from sites.limits import LIMIT_NAMES
from sites.models import ApiKey, Site
from sites.site_form import FIELDSETS, TIMES, ApiKeyInline, SiteForm
from sites.status import NOTHING, UNKNOWN, SiteStatus, show, show_age, statuses

FIRST_LABEL = "first key"
STATUS = "status"  # attribute of a listed site
USUAL_PREFIX = "user_"  # offered: without any, nothing is kept and a first message may be missed


class SiteAdmin(OfVisibleSites, SiteModelAdmin):
    form = SiteForm
    list_display = (
        "name",
        "is_enabled",
        "clients",
        "messages_per_minute",
        "waiting",
        "key_count",
        "auth_failure",
    )
    list_filter = ("is_enabled", "prefixed_system_events")
    search_fields = ("name", "auth_url")
    actions = ("delete_selected",)
    inlines = (ApiKeyInline,)
    fieldsets = FIELDSETS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        usable = Q(api_keys__in=ApiKey.objects.usable())
        sites: QuerySet[Site] = super().get_queryset(request)
        sites = sites.filter(pk__in=visible_sites(request.user))
        return sites.annotate(key_count=Count("api_keys", filter=usable))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.snippets_view)
        return [path("<int:pk>/snippets/", view, name="sites_site_snippets"), *super().get_urls()]

    def snippets_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        site: Site | None = self.get_object(request, str(pk))
        if site is None or not self.has_view_permission(request, site):
            raise Http404
        return snippets.page(request, site)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Ask for the status of all rows of the page at once."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        found = statuses([site.name for site in rows])
        for site in rows:
            setattr(site, STATUS, found.get(site.name, UNKNOWN))
        changelist.result_list = rows
        return changelist

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user_room_prefix": USUAL_PREFIX, **super().get_changeform_initial_data(request)}

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.sees_all = sees_all(request.user)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Site | None = None) -> Any:
        """A site that is not there yet has no times."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj else [each for each in fieldsets if each[0] != TIMES]

    def get_inlines(self, request: HttpRequest, obj: Site | None) -> Any:
        return super().get_inlines(request, obj) if obj else []  # nor keys

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> tuple[str, ...]:
        """Limits guard the others from this site, and what waits under a name that was another
        site's is delivered to who has it: both are for those who see all sites."""
        times = ("created_at", "updated_at")
        if sees_all(request.user):
            return times
        name = ("name",) if obj else ()
        return (*name, *LIMIT_NAMES, "owners", *times)

    @admin.display(description="clients now")
    def clients(self, site: Site) -> str:
        return show(_status(site).clients)

    @admin.display(description="messages a minute")
    def messages_per_minute(self, site: Site) -> str:
        return show(_status(site).messages_per_minute)

    @admin.display(description="waiting")
    def waiting(self, site: Site) -> str:
        return show(_status(site).waiting)

    @admin.display(description="keys in use", ordering="key_count")
    def key_count(self, site: Any) -> int:
        return int(site.key_count)

    @admin.display(description="last authUrl failure")
    def auth_failure(self, site: Site) -> str:
        status = _status(site)
        if not status.last_auth_failure or status.last_auth_failure_at is None:
            return status.last_auth_failure or NOTHING
        age = show_age(status.last_auth_failure_at, timezone.now())
        return f"{age}: {status.last_auth_failure}"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask before a change that clients or senders would notice."""
        if request.method == "POST" and (question := self._ask(request, object_id)):
            return question
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _ask(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """Return the page that asks; None = there is nothing to ask, or nothing may be done."""
        if object_id is None:
            if not self.has_add_permission(request):
                return None
            return ask_about_addition(request, self.get_form(request)(request.POST))
        site = self.get_object(request, unquote(object_id))
        if site is None or not self.has_change_permission(request, site):
            return None
        form = self.get_form(request, site, change=True)(request.POST, instance=site)
        return ask_about_change(request, form)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        site = self.get_object(request, unquote(object_id))
        losses = [] if site is None else effects_of_deletion([site])
        return super().delete_view(request, object_id, {"losses": losses} | (extra_context or {}))

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Site]) -> Any:
        response = delete_selected(self, request, queryset)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["losses"] = effects_of_deletion(list(queryset))
        return response

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        if change and "name" in form.changed_data:
            FormerName.objects.note(form.initial["name"])
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Who makes a site and would not see it becomes its owner."""
        super().save_related(request, form, formsets, change)
        if not change and not sees_all(request.user):
            form.instance.owners.add(request.user.pk)

    def response_add(
        self, request: HttpRequest, obj: Site, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A site is of no use without a key: one is made and shown."""
        row, key = ApiKey.objects.make(obj, FIRST_LABEL)
        self.log_change(request, obj, [{"added": {"name": "API key", "object": str(row)}}])
        return shown_once(request, row, key, f"Site {obj} was added.")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        site = context.get("original")
        if site is not None and may(request.user, site, ADD_KEY):
            context["add_key_url"] = f"{reverse('admin:sites_apikey_add')}?site={site.pk}"
        return super().render_change_form(request, context, *args, **kwargs)


def _status(site: Site) -> SiteStatus:
    status: SiteStatus = getattr(site, STATUS, UNKNOWN)
    return status
