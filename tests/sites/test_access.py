"""Who may do what with which site."""

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from sites.access import CHANGE_SITE, SEND_TEST, VIEW_ARGUMENTS, may, sees_all, visible_sites
from sites.groups import OPERATORS, SITE_OWNERS, make_groups
from sites.models import Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(db: None) -> Site:
    return Site.objects.create(name="other", auth_url="http://other.com")


def user_with(*codenames: str) -> User:
    user = User.objects.create_user("someone", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def member_of(group: str) -> User:
    user = User.objects.create_user("member", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def names(user: User | AnonymousUser) -> list[str]:
    return [site.name for site in visible_sites(user)]


def test_superusers_see_all_and_may_everything(newsite: Site, other: Site) -> None:
    user = User.objects.create_superuser("root")
    assert names(user) == ["newsite", "other"]
    assert may(user, other, SEND_TEST)


def test_owners_see_their_own_sites_only(newsite: Site, other: Site) -> None:
    user = user_with("view_site", "send_test")
    assert names(user) == []
    newsite.owners.add(user, User.objects.create_user("another"))
    assert names(user) == ["newsite"]
    assert may(user, newsite, SEND_TEST)
    assert not may(user, other, SEND_TEST)


def test_owning_a_site_gives_no_permission(newsite: Site) -> None:
    user = user_with("view_site")
    newsite.owners.add(user)
    assert not may(user, newsite, CHANGE_SITE)


def test_all_sites_opens_every_site_and_nothing_else(newsite: Site, other: Site) -> None:
    user = user_with("all_sites")
    assert names(user) == ["newsite", "other"]
    assert sees_all(user)
    assert not may(user, newsite, SEND_TEST)


def test_who_is_not_active_or_unknown_sees_nothing(newsite: Site) -> None:
    user = User.objects.create_superuser("former", is_active=False)
    for nobody in (user, AnonymousUser()):
        assert names(nobody) == []
        assert not may(nobody, newsite, SEND_TEST)


def test_an_inactive_owner_may_nothing(newsite: Site) -> None:
    user = user_with("send_test")
    newsite.owners.add(user)
    user.is_active = False
    assert not may(user, newsite, SEND_TEST)


def test_the_group_of_owners_may_all_but_delete_with_its_own_sites(
    newsite: Site, other: Site
) -> None:
    user = member_of(SITE_OWNERS)
    newsite.owners.add(user)
    assert may(user, newsite, VIEW_ARGUMENTS)
    assert not may(user, newsite, "sites.delete_site")
    assert not may(user, other, VIEW_ARGUMENTS)


def test_the_group_of_operators_may_all_but_read_messages(newsite: Site) -> None:
    user = member_of(OPERATORS)
    assert may(user, newsite, "sites.delete_site")
    assert not may(user, newsite, VIEW_ARGUMENTS)


def test_what_an_admin_changed_in_a_group_stays() -> None:
    Group.objects.get(name=SITE_OWNERS).permissions.clear()
    Group.objects.get(name=OPERATORS).delete()
    make_groups(apps.get_app_config("sites"), using="default")
    assert Group.objects.get(name=SITE_OWNERS).permissions.count() == 0
    assert Group.objects.get(name=OPERATORS).permissions.count() == 11
