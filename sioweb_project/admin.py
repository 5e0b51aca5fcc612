"""People and their groups, and the log of changes, in the look of the other pages."""

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_totp.admin import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from sioweb_project.second_factor.devices import remove_devices

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


@admin.register(User)
class PersonAdmin(LookedUserAdmin):
    actions = ("remove_second_factor",)
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # two lists beside each other are too wide

    @admin.action(permissions=["change"], description="Remove the second factor")
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For who has lost it."""
        for user in queryset:
            if remove_devices(user):
                self.log_change(request, user, "Removed the second factor.")
                messages.success(request, f"The second factor of {user} is removed.")


@admin.register(Group)
class PeopleAdmin(LookedGroupAdmin):
    filter_horizontal = ()


@admin.register(LogEntry)
class ChangeAdmin(LogEntryModelAdmin):
    """Who changed what and when, for reading only."""

    list_display = ("action_time", "user", "content_type", "object_repr", "what")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__username")
    date_hierarchy = "action_time"
    list_display_links = None

    @admin.display(description="change")
    def what(self, entry: LogEntry) -> str:
        return str(entry).partition(" — ")[2] or entry.get_change_message()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False
