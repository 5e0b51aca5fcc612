"""URLs of the control room, below /admin/control/."""

from django.contrib import admin
from django.urls import path

from sioweb_project.control import deliveries, inspector, pages, sender, stream

app_name = "control"

urlpatterns = [
    path("live/", admin.site.admin_view(pages.live), name="live"),
    path("live/figures", stream.figures, name="figures"),
    path("inspector/", admin.site.admin_view(pages.inspector), name="inspector"),
    path("inspector/look", inspector.look, name="look"),
    path("inspector/arguments", inspector.arguments, name="arguments"),
    path("inspector/act", inspector.act, name="act"),
    path("inspector/recent", deliveries.recent, name="recent"),
    path("inspector/receipt", deliveries.receipt, name="receipt"),
    path("sender/", admin.site.admin_view(pages.sender), name="sender"),
    path("sender/send", sender.send, name="send"),
    path("sender/progress", sender.progress, name="progress"),
]
