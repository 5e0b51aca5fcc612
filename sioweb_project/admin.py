"""People and their groups, and the log of changes, in the look of the other pages."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_totp.admin import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from sioweb_project.second_factor.devices import remove_devices
from sites.access import sees_all, visible_sites
from sites.models import ApiKey, Site

if TYPE_CHECKING:
    LogEntryModelAdmin = admin.ModelAdmin[LogEntry]
    LookedUserAdmin = UserAdmin[User]
    LookedGroupAdmin = GroupAdmin
else:
    LogEntryModelAdmin = ModelAdmin

    class LookedUserAdmin(UserAdmin, ModelAdmin):
        pass

    class LookedGroupAdmin(GroupAdmin, ModelAdmin):
        pass


# These pages were registered when their modules were imported above. Django's own look
# different, and that of devices shows secrets.
admin.site.unregister((User, Group, TOTPDevice))


# What only superusers give: else whoever may change users, or groups, could give themselves all.
POWERS = ("is_superuser", "groups", "user_permissions")


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _may_touch(request: HttpRequest, person: User | None) -> bool:
    return person is None or not person.is_superuser or _is_superuser(request)


@admin.register(User)
class PersonAdmin(LookedUserAdmin):
    actions = ("remove_second_factor",)
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # two lists beside each other are too wide

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_superuser(request) else (*fields, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Also of the password, and the second factor: with them goes what the person may do."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    @admin.action(permissions=["change"], description="Remove the second factor")
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For who has lost it."""
        for user in queryset:
            if self.has_change_permission(request, user) and remove_devices(user):
                self.log_change(request, user, "Removed the second factor.")
                messages.success(request, f"The second factor of {user} is removed.")


@admin.register(Group)
class PeopleAdmin(LookedGroupAdmin):
    filter_horizontal = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        """As with a person's: somebody's own group may be among them."""
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_superuser(request) else (*fields, "permissions")


@admin.register(LogEntry)
class ChangeAdmin(LogEntryModelAdmin):
    """Who changed what and when, for reading only."""

    list_display = ("action_time", "user", "content_type", "object_repr", "what")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__username")
    date_hierarchy = "action_time"
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Of sites and keys, those of the sites that are this user's business."""
        entries: QuerySet[LogEntry] = super().get_queryset(request)
        if sees_all(request.user):
            return entries
        sites = visible_sites(request.user)
        keys = ApiKey.objects.filter(site__in=sites)
        is_visible = _are_of(Site, sites) | _are_of(ApiKey, keys)
        return entries.filter(~Q(content_type__app_label=Site._meta.app_label) | is_visible)

    @admin.display(description="change")
    def what(self, entry: LogEntry) -> str:
        return str(entry).partition(" — ")[2] or entry.get_change_message()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False


def _are_of(model: type[Model], rows: QuerySet[Any]) -> Q:
    """Entries about one of these rows."""
    ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
    return Q(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
