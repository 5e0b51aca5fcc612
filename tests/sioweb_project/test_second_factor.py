"""The second factor: nothing of the admin opens to a password alone, where a code is asked for."""

import re
from base64 import b32decode
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as current
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

LOGIN, PAGE, INDEX = "/admin/login/", "/admin/second-factor/", "/admin/"
CLOSED = (
    INDEX,
    "/admin/sites/site/",
    "/admin/control/live/",
    "/admin/control/live/figures",
    "/admin/password_change/",
    "/admin/nowhere",
)
PASSWORD = "long enough"

pytestmark = pytest.mark.django_db


def choose(settings: Settings, second_factor: Any) -> None:
    admin = replace(settings.CONFIG.admin, second_factor=second_factor)
    settings.CONFIG = replace(settings.CONFIG, admin=admin)
    if second_factor != "off":
        settings.MIDDLEWARE = [*current.MIDDLEWARE, *current.SECOND_FACTOR_MIDDLEWARE]


@pytest.fixture(autouse=True)
def optional(settings: Settings) -> None:
    choose(settings, "optional")


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def logged_in() -> Client:
    client = Client()
    answer = client.post(LOGIN, {"username": "root", "password": PASSWORD})
    assert answer.status_code == 302
    return client


def code_of(device: TOTPDevice, later: int = 0) -> str:
    """The code now, or so many steps later: each is taken once."""
    return f"{totp(device.bin_key, drift=later):06d}"


def enrolled(client: Client) -> TOTPDevice:
    client.get(PAGE)
    device = TOTPDevice.objects.get()
    assert client.post(PAGE, {"code": code_of(device)}).status_code == 302
    device.refresh_from_db()
    return device


def where(client: Client, path: str) -> str:
    answer = client.get(path)
    return str(answer["Location"]).partition("?")[0] if answer.status_code == 302 else "open"


def test_page_shows_the_same_secret_as_text_and_as_a_picture(root: User) -> None:
    page = logged_in().get(PAGE).content.decode()
    [secret] = re.findall(r'id="secret">([A-Z2-7 ]+)<', page)
    assert b32decode(secret.replace(" ", "")) == TOTPDevice.objects.get().bin_key
    assert re.search(r"<svg:?[^>]*>|<svg", page)
    assert "style=" not in page[page.index("qr-code") : page.index('id="secret"')]


def test_device_counts_once_a_code_has_confirmed_it(root: User) -> None:
    client = logged_in()
    client.get(PAGE)
    assert where(logged_in(), INDEX) == "open"
    wrong = client.post(PAGE, {"code": "000000"}).content.decode()
    device = TOTPDevice.objects.get()
    assert "not the one" in wrong
    assert not device.confirmed
    device.throttle_reset()
    assert client.post(PAGE, {"code": code_of(device)}).status_code == 302
    assert where(client, INDEX) == "open"
    assert where(logged_in(), INDEX) == PAGE


def test_each_visit_makes_a_new_secret(root: User) -> None:
    client = logged_in()
    client.get(PAGE)
    first = TOTPDevice.objects.get()
    client.get(PAGE)
    assert TOTPDevice.objects.get().key != first.key


def test_password_alone_opens_nothing(root: User) -> None:
    device = enrolled(logged_in())
    client = logged_in()
    for path in CLOSED:
        assert where(client, path) == PAGE, path
        assert client.post(path).status_code == 302
    page = client.get(PAGE).content.decode()
    assert 'id="secret"' not in page
    assert device.key not in page
    assert "Remove" not in page


def test_code_opens_what_was_asked_for_and_is_taken_once(root: User) -> None:
    device = enrolled(logged_in())
    code = code_of(device, later=1)
    client = logged_in()
    detour = client.get("/admin/sites/site/?q=a")["Location"]
    assert client.post(detour, {"code": code})["Location"] == "/admin/sites/site/?q=a"
    assert where(client, INDEX) == "open"
    other = logged_in()
    assert other.post(PAGE, {"code": code}).status_code == 200
    assert where(other, INDEX) == PAGE


@pytest.mark.parametrize(
    "target", ["https://evil.example.com/", "//evil.example.com", "javascript:1"]
)
def test_code_leads_to_no_other_site(root: User, target: str) -> None:
    device = enrolled(logged_in())
    answer = logged_in().post(f"{PAGE}?next={target}", {"code": code_of(device, later=1)})
    assert answer["Location"] == INDEX


def test_guessing_codes_has_to_wait(root: User, settings: Settings) -> None:
    settings.OTP_TOTP_THROTTLE_FACTOR = 3600  # seconds: no machine is so slow that they are over
    device = enrolled(logged_in())
    client = logged_in()
    client.post(PAGE, {"code": "000000"})
    client.post(PAGE, {"code": "000000"})
    assert client.post(PAGE, {"code": code_of(device, later=1)}).status_code == 200
    assert where(client, INDEX) == PAGE


def test_removing_needs_a_code(root: User) -> None:
    client = logged_in()
    device = enrolled(client)
    client.post(PAGE, {"code": "000000", "remove": "1"})
    device.refresh_from_db()
    device.throttle_reset()
    client.post(PAGE, {"code": code_of(device, later=1), "remove": "1"})
    assert not TOTPDevice.objects.exists()
    assert where(logged_in(), INDEX) == "open"


def test_where_it_is_required_nothing_opens_without_one(root: User, settings: Settings) -> None:
    choose(settings, "required")
    client = logged_in()
    for path in CLOSED:
        assert where(client, path) == PAGE
    enrolled(client)
    assert where(client, INDEX) == "open"


def test_where_it_is_off_there_is_no_page_and_nothing_is_asked(
    root: User, settings: Settings
) -> None:
    middleware = [
        each for each in settings.MIDDLEWARE if "second" not in each and "otp" not in each
    ]
    settings.MIDDLEWARE = middleware
    choose(settings, "off")
    client = logged_in()
    assert where(client, INDEX) == "open"
    assert client.get(PAGE).status_code == 404
    assert PAGE not in client.get(INDEX).content.decode()


def test_page_is_for_staff(client: Client) -> None:
    assert where(client, PAGE) == LOGIN
    client.force_login(User.objects.create_user("visitor"))
    assert where(client, PAGE) == LOGIN
    assert not TOTPDevice.objects.exists()


def test_lost_device_is_removed_by_who_may_change_users(root: User) -> None:
    enrolled(logged_in())
    other = Client()
    other.force_login(User.objects.create_superuser("other"))
    fields = {"action": "remove_second_factor", "_selected_action": str(root.pk)}
    page = other.post("/admin/auth/user/", fields, follow=True).content.decode()
    assert "The second factor of root is removed" in page
    assert LogEntry.objects.get().object_id == str(root.pk)
    assert where(logged_in(), INDEX) == "open"


def test_no_page_of_the_admin_shows_the_devices(root: User) -> None:
    client = Client()
    client.force_login(root)
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404
    assert PAGE in client.get(INDEX).content.decode()
    assert reverse("second_factor") == PAGE


@pytest.mark.django_db(transaction=True)
async def test_asynchronous_views_are_closed_too(async_client: AsyncClient) -> None:
    user = await User.objects.acreate_superuser("root", password=PASSWORD)
    await TOTPDevice.objects.acreate(user=user, confirmed=True)
    await async_client.aforce_login(user)
    answer = await async_client.get("/admin/control/live/figures")
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, PAGE)
