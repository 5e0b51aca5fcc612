"""The admin and what its pages link to, so that its tests need nothing of `/send`."""

from django.contrib import admin
from django.urls import include, path

from sioweb_project.second_factor.page import page

urlpatterns = [
    path("admin/control/", include("sioweb_project.control.urls")),
    path("admin/second-factor/", page, name="second_factor"),
    path("admin/", admin.site.urls),
]
