"""What a path that leads nowhere answers: `urls` names it as handler404."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.defaults import page_not_found

from delivery.answers import unknown_path_answer
from sioweb_project.page_policy import ADMIN


def answer(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer people in the admin with a page, and programs as all else that they get wrong."""
    if request.path_info.startswith(ADMIN):
        return page_not_found(request, exception)
    return unknown_path_answer()
