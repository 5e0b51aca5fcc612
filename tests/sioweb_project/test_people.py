"""Who looks after people: what they cannot make of themselves or others, and what they see."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from sites.models import ApiKey, Site

USERS = "/admin/auth/user/"
CHANGES = "/admin/admin/logentry/"
NEW_PASSWORD = {"password1": "Quite-another-1", "password2": "Quite-another-1"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    user = User.objects.create_user("manager", password="x", is_staff=True)
    wanted = ("view_user", "change_user", "delete_user", "view_group", "change_group")
    user.user_permissions.set(Permission.objects.filter(codename__in=(*wanted, "view_logentry")))
    return user


@pytest.fixture
def browser(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


def test_who_may_change_users_gives_nobody_permissions(browser: Client, manager: User) -> None:
    group = Group.objects.get(name="Operators")
    form = {"username": "manager", "is_active": "on", "is_staff": "on", "first_name": "Ann"}
    form |= {"is_superuser": "on", "groups": str(group.pk), "date_joined_0": "2026-01-01"}
    form["date_joined_1"] = "12:00:00"
    assert browser.post(f"{USERS}{manager.pk}/change/", form).status_code == 302
    manager.refresh_from_db()
    assert manager.first_name == "Ann"
    assert not manager.is_superuser
    assert not manager.groups.exists()
    assert manager.user_permissions.count() == 6


def test_who_may_change_groups_gives_them_no_permissions(browser: Client) -> None:
    group = Group.objects.create(name="Mine")
    every = [str(each.pk) for each in Permission.objects.all()]
    answer = browser.post(
        f"/admin/auth/group/{group.pk}/change/", {"name": "M", "permissions": every}
    )
    assert answer.status_code == 302
    group.refresh_from_db()
    assert (group.name, group.permissions.count()) == ("M", 0)


def test_superusers_are_for_superusers_alone(browser: Client) -> None:
    root = User.objects.create_superuser("root", password="before")
    for page in ("password", "change", "delete"):
        answer = browser.post(f"{USERS}{root.pk}/{page}/", NEW_PASSWORD | {"post": "yes"})
        assert answer.status_code == 403
    selected = {"_selected_action": str(root.pk), "post": "yes"}
    for action in ("delete_selected", "remove_second_factor"):
        browser.post(USERS, selected | {"action": action})
    root.refresh_from_db()
    assert root.check_password("before")


@pytest.mark.parametrize("password", ["short-1", "password123", "8273645190"])
def test_password_that_is_guessed_soon_is_refused(admin_client: Client, password: str) -> None:
    form = {"username": "new", "usable_password": "true"}
    form |= {"password1": password, "password2": password}
    assert admin_client.post(f"{USERS}add/", form).status_code == 200  # the form again
    assert not User.objects.filter(username="new").exists()


def test_other_passwords_are_taken(admin_client: Client) -> None:
    form = {"username": "new", "usable_password": "true"} | NEW_PASSWORD
    assert admin_client.post(f"{USERS}add/", form).status_code == 302
    assert User.objects.get(username="new").check_password(NEW_PASSWORD["password1"])


def test_superusers_give_permissions(admin_client: Client, manager: User) -> None:
    page = admin_client.get(f"{USERS}{manager.pk}/change/").content.decode()
    assert 'name="is_superuser"' in page
    assert 'name="groups"' in page


def note(row: Site | ApiKey | User, user: User) -> None:
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row),
        action_flag=CHANGE,
    )


def test_changes_of_sites_of_others_are_not_shown(browser: Client, manager: User) -> None:
    own = Site.objects.create(name="ownsite", auth_url="http://a.com")
    own.owners.add(manager)
    other = Site.objects.create(name="othersite", auth_url="http://b.com")
    for site, label in ((own, "own key"), (other, "other key")):
        note(site, manager)
        note(ApiKey.objects.make(site, label)[0], manager)
    note(manager, manager)
    page = browser.get(CHANGES).content.decode()
    for shown in ("ownsite", "own key", ">manager<"):
        assert shown in page
    assert "othersite" not in page
    assert "other key" not in page
