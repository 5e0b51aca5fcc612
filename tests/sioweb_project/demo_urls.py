"""The demo's URLs, which the tests' own environment, production, does not have."""

from django.urls import include, path

urlpatterns = [path("demo/", include("sioweb_project.demo.urls"))]
