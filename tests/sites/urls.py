"""The admin alone, so that its tests need nothing of `/send`."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
