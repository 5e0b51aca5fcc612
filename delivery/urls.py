"""URLs that site backends and load balancers call; a trailing slash is accepted, as in Express."""

from django.urls import URLPattern, re_path

from delivery import client_views, views
from delivery.metrics_page import metrics
from delivery.openapi import openapi

urlpatterns: list[URLPattern] = [
    re_path(r"^send/?$", views.send, name="send"),
    re_path(r"^send/batch/?$", views.send_batch, name="send_batch"),
    re_path(r"^disconnect/?$", client_views.disconnect, name="disconnect"),
    re_path(r"^presence/?$", client_views.presence, name="presence"),
    re_path(r"^messages/(?P<message_id>[^/]+)/?$", views.receipt, name="receipt"),
    re_path(r"^healthcheck/?$", views.healthcheck, name="healthcheck"),
    re_path(r"^readyz/?$", views.readyz, name="readyz"),
    re_path(r"^metrics/?$", metrics, name="metrics"),
    re_path(r"^openapi\.yaml/?$", openapi, name="openapi"),
]
