"""Logins that fail too often have to wait, by name and address."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from pytest_django import Settings

LOGIN = "/admin/login/"
PASSWORD = "long enough"
LIMIT = 3

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = LIMIT


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def log_in(password: str, name: str = "root", address: str = "192.0.2.1", **extra: Any) -> Any:
    fields = {"username": name, "password": password}
    return Client().post(LOGIN, fields, REMOTE_ADDR=address, **extra)


def fail(times: int, **of: Any) -> None:
    for _ in range(times):
        log_in("wrong", **of)


def test_right_password_comes_too_late_after_too_many_wrong_ones(
    root: User, caplog: pytest.LogCaptureFixture
) -> None:
    fail(LIMIT - 1)
    assert log_in("wrong").status_code == 429
    answer = log_in(PASSWORD)
    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes" in page
    assert "Welcome" not in page
    assert "sessionid" not in answer.cookies
    assert "Too many failed logins of 'root' from 192.0.2.1" in caplog.text
    assert PASSWORD not in caplog.text


def test_others_and_other_addresses_are_not_locked_out(root: User) -> None:
    User.objects.create_superuser("other", password=PASSWORD)
    fail(LIMIT)
    assert log_in(PASSWORD, "other").status_code == 302
    assert log_in(PASSWORD, address="192.0.2.2").status_code == 302


def test_another_address_of_the_same_ipv6_network_changes_nothing(root: User) -> None:
    for number in range(LIMIT):
        log_in("wrong", address=f"2001:db8:0:1::{number + 1:x}")
    assert log_in(PASSWORD, address="2001:db8:0:1:ffff::1").status_code == 429
    assert log_in(PASSWORD, address="2001:db8:0:2::1").status_code == 302


def test_another_browser_or_a_forwarded_address_changes_nothing(root: User) -> None:
    fail(LIMIT)
    for headers in (
        {"HTTP_USER_AGENT": "another"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.9"},
        {"HTTP_X_REAL_IP": "192.0.2.9"},
        {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"},
    ):
        answer = log_in(PASSWORD, **headers)
        assert answer.status_code == 429
        assert "Access-Control-Allow-Origin" not in answer


def test_name_that_nobody_has_is_answered_alike(root: User) -> None:
    fail(LIMIT)
    fail(LIMIT, name="nobody")
    assert log_in("wrong", "nobody").content == log_in("wrong").content


def test_success_forgets_the_failures_before_it(root: User) -> None:
    for _ in range(3):
        fail(LIMIT - 1)
        assert log_in(PASSWORD).status_code == 302


def test_the_lock_ends_with_the_pause_though_somebody_goes_on_trying(root: User) -> None:
    fail(LIMIT + 5)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(seconds=901))
    assert log_in(PASSWORD).status_code == 302


def test_what_is_kept_of_failures_is_little_and_no_password(root: User) -> None:
    long = {"HTTP_USER_AGENT": "x" * 10_000, "HTTP_ACCEPT": "x" * 10_000}
    for number in range(LIMIT):
        fields = {"username": "root", "password": "hunter2", "more": "x" * 100_000}
        Client().post(f"{LOGIN}?next=/{number}{'x' * 1000}", fields, **long)  # type: ignore[arg-type]
    rows = list(AccessAttempt.objects.values_list())
    assert len(rows) == 1
    assert len(str(rows)) < 3000
    assert "hunter2" not in str(rows)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(days=1))
    fail(1, name="another")
    assert AccessAttempt.objects.count() == 1


def test_odd_names_break_nothing(root: User) -> None:
    for name in ("", "\0", "x" * 10_000, "'; --", "<script>", "\r\nroot"):
        assert log_in("wrong", name).status_code == 200
