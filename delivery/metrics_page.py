"""Who may read `/metrics`: on the port of the service those with the token, nobody else.

On a port of its own (`metrics_port`) whoever reaches that, unless there is a token too.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST

from delivery.answers import error_answer, only_reads, unknown_path_answer
from delivery.metrics import bears_token
from delivery.service import service


@only_reads
async def metrics(request: HttpRequest) -> HttpResponse:
    """Answer 404 as if there were no such page, unless the configuration says otherwise."""
    config = settings.CONFIG.metrics
    if not config.token or config.port is not None:
        return unknown_path_answer()
    if not bears_token(request.headers.get("Authorization", ""), config.token):
        answer = error_answer(401, "unauthorized", "The token is missing or wrong.")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse(await service().metrics.render(), content_type=CONTENT_TYPE_LATEST)
