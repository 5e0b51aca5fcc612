"""The demo's page, and the endpoint that plays a website's part: it says who is in which rooms."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sioweb_project.demo import site


@require_safe
@never_cache  # it holds the demo's API key
def page(request: HttpRequest) -> HttpResponse:
    context = {
        "site": site.NAME,
        "api_key": site.api_key(),
        "user": site.DEFAULT_USER,
        "user_room_prefix": site.USER_ROOM_PREFIX,
        "socketio_path": settings.CONFIG.io.path,
    }
    return render(request, "demo/page.html", context)


@require_safe
async def rooms(request: HttpRequest) -> HttpResponse:
    """Answer the rooms of whoever brings `Authorization: Bearer <name>`.

    A real site looks up a session or checks a signed token here; the demo believes
    every name of small letters and digits.
    """
    scheme, _, name = request.headers.get("Authorization", "").partition(" ")
    found = site.rooms_of(name)
    if scheme != "Bearer" or found is None:
        return JsonResponse({"error": "Who is that?"}, status=401)
    return JsonResponse(found, safe=False)
