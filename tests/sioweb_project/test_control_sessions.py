"""A live view is asked again and again whether its session may still see it."""

from django.contrib.auth.models import User

from sioweb_project.control import access
from sites.models import Site
from tests.sioweb_project.control_fixtures import login, make_user


def session_of(user: User) -> str:
    key = login(user).session.session_key
    assert key
    return str(key)


def test_a_view_goes_on_while_its_session_may(site: Site) -> None:
    user = make_user("view_site", owns=site)
    key = session_of(user)
    assert access._is_allowed(key, "newsite")
    assert not access._is_allowed(key, "")
    assert not access._is_allowed("nosuchsession", "newsite")


def test_a_view_ends_with_its_session(site: Site) -> None:
    client = login(make_user("view_site", owns=site))
    key = str(client.session.session_key)
    client.logout()
    assert not access._is_allowed(key, "newsite")


def test_a_view_ends_when_the_site_is_somebody_elses(site: Site) -> None:
    user = make_user("view_site", owns=site)
    key = session_of(user)
    site.owners.remove(user)
    assert not access._is_allowed(key, "newsite")


def test_a_view_ends_when_its_user_is_no_longer_active(admin_user: User) -> None:
    key = session_of(admin_user)
    assert access._is_allowed(key, "")
    admin_user.is_active = False
    admin_user.save()
    assert not access._is_allowed(key, "")
