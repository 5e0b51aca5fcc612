"""People and their groups, and the log of changes, in the look of the other pages."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

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


# Django's own pages were registered when `django.contrib.auth.admin` was imported above.
admin.site.unregister((User, Group))


@admin.register(User)
class PersonAdmin(LookedUserAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # two lists beside each other are too wide


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
