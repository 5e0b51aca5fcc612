"""The admin and what its pages link to, so that its tests need nothing of `/send`."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/control/", include("sioweb_project.control.urls")),
    path("admin/", admin.site.urls),
]
