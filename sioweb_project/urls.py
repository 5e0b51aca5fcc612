"""URLs: the admin and what the delivery app serves."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from sioweb_project import unknown_paths
from sioweb_project.control import auth_check_page
from sioweb_project.second_factor import page as second_factor

urlpatterns = [
    path("admin/control/", include("sioweb_project.control.urls")),
    path(
        "admin/sites/site/<int:pk>/auth-check/",
        admin.site.admin_view(auth_check_page.page),
        name="auth_check",
    ),
    path("admin/second-factor/", second_factor.page, name="second_factor"),
    path("admin/", admin.site.urls),
    path("", include("delivery.urls")),
]

handler404 = unknown_paths.answer

if settings.CONFIG.is_development:
    urlpatterns += [
        path("demo/", include("sioweb_project.demo.urls")),
        path("", RedirectView.as_view(pattern_name="demo:page")),
    ]
