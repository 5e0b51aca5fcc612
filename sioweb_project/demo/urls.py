"""URLs of the demo, below /demo/."""

from django.urls import URLPattern, path

from sioweb_project.demo import views

app_name = "demo"
urlpatterns: list[URLPattern] = [
    path("", views.page, name="page"),
    path("rooms", views.rooms, name="rooms"),
]
