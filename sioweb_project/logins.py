"""Logins that fail too often have to wait: what django-axes is told by settings.py.

It counts failures by user name and address in the database, so that all processes of all
machines count together. Rows older than the pause go with the next login.
"""

import logging
from typing import Any

from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib import admin
from django.db.models.signals import pre_save
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from delivery.addresses import Addresses, first_of_client, parse

SHOWN_LENGTH = 64  # of a name in the log, which may be anything

logger = logging.getLogger(__name__)


def client_address(request: HttpRequest) -> str:
    """As all limits by address go by it: see `trusted_proxies`. Of IPv6 it stands for all that
    somebody has, who could else try from each of them."""
    addresses = Addresses(settings.CONFIG.trusted_proxies)
    scope = getattr(request, "scope", None)
    text = addresses.of(scope) if scope else str(request.META.get("REMOTE_ADDR", ""))
    address = parse(text)
    return text if address is None else str(first_of_client(address))


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """The page for who has to wait; says the same whether the name exists or not."""
    pause_seconds = settings.CONFIG.admin.login_pause_seconds
    context = {
        "title": "Too many failed logins",
        "minutes": -(-pause_seconds // 60),
        "login_url": request.path,
    }
    page = {**admin.site.each_context(request), **context}
    response = render(request, "control/locked_out.html", page, status=429)
    response["Retry-After"] = str(pause_seconds)
    return response


def connect() -> None:
    """For AppConfig.ready()."""
    _connect(pre_save, _forget_what_was_posted, AccessAttempt)
    _connect(user_locked_out, _tell)


def _connect(signal: Signal, receiver: Any, sender: Any = None) -> None:
    signal.connect(receiver, sender=sender, dispatch_uid=f"{__name__}.{receiver.__name__}")


def _forget_what_was_posted(instance: AccessAttempt, **_: object) -> None:
    """axes would append each request, of any length, to what it keeps."""
    instance.get_data = instance.post_data = ""


def _tell(username: str | None, ip_address: str | None, **_: object) -> None:
    logger.warning("Too many failed logins of %.*r from %s", SHOWN_LENGTH, username, ip_address)
