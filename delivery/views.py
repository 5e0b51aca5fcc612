"""The HTTP edge: `/send` for the sites' backends, health for load balancers; `client_views` has
what backends ask and say about their clients.

Each view reads what came, calls one step of the pipeline and answers. Exceptions
become answers in `answers`; no view touches the database on the way of a message.
"""

import functools

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from delivery.answers import (
    View,
    answers_errors,
    failure_answer,
    json_answer,
    method_answer,
    only_reads,
)
from delivery.bodies import read_fields, read_messages
from delivery.counters import ALL_SITES, SendFailure
from delivery.credentials import authenticate, identify, read_query, read_site_name, scope_of
from delivery.exceptions import InvalidRequest
from delivery.http_connection import runs_to_end
from delivery.payloads import SendRequest, parse_flag, parse_send
from delivery.service import service
from sites.snapshots import SiteSnapshot

BAD_REQUEST = 400  # the first status of a refusal
MAX_IDEMPOTENCY_KEY_CHARACTERS = 256
UNKNOWN_MESSAGE = "No receipt: not a message of this site, older than an hour, or not noted."
FAILURES: dict[int, SendFailure] = {  # of all other statuses the sender's request is the reason
    401: "unauthorized",
    413: "too_large",
    429: "limited",
    500: "failed",
    503: "unavailable",
}


def _takes_calls(view: View[[]]) -> View[[]]:
    """As `csrf_exempt` and `answers_errors`, in one coroutine; counts the calls that are not
    taken, by site as far as there is one of that name."""

    @functools.wraps(view)
    async def taken(request: HttpRequest) -> HttpResponse:
        try:
            answer = await view(request)
        except Exception as error:  # noqa: BLE001, each has its answer
            answer = failure_answer(request, error)
        if answer.status_code >= BAD_REQUEST:
            site = service().registry.get(read_site_name(request))
            counts = service().counters.of(ALL_SITES if site is None else site.name)
            counts.send_failures[FAILURES.get(answer.status_code, "invalid")] += 1
        return answer

    taken.csrf_exempt = True  # type: ignore[attr-defined]
    return taken


@_takes_calls
async def send(request: HttpRequest) -> HttpResponse:
    """Take one message, in this order of checks.

    1. the method: 405; OPTIONS is answered as Express did
    2. site and key: 400 when one is missing, 401 when they do not match
    3. what the site and the key may send: 429
    4. size, encoding and type of the body: 413, 415
    5. what the query, the headers and the body say: 400
    """
    if request.method != "POST":
        return method_answer(request, "POST")
    serving, query = service(), read_query(request)
    site, api_key = identify(request, query, serving)
    limits = serving.send_limits
    headers = await limits.spend(site, api_key, 1) if limits.are_set(site) else None
    message = parse_send(read_fields(request), site)
    resync, key = _resync_of_query(query), _idempotency_key(request)
    outcome = await serving.publisher.publish(site, message, resync, key, is_cut=_is_cut(request))
    return json_answer(outcome.content(), headers=headers)


@_takes_calls
async def send_batch(request: HttpRequest) -> HttpResponse:
    """Take a list of messages, checked as `send` does but for 3, which comes after 4; one that
    is wrong is refused alone."""
    if request.method != "POST":
        return method_answer(request, "POST")
    serving, query = service(), read_query(request)
    site, api_key = identify(request, query, serving)
    entries = read_messages(request)
    limits = serving.send_limits
    is_limited = entries and limits.are_set(site)
    headers = await limits.spend(site, api_key, len(entries)) if is_limited else None
    resync, key = _resync_of_query(query), _idempotency_key(request)
    checked = [_check_entry(entry, site) for entry in entries]
    messages = [each for each in checked if isinstance(each, SendRequest)]
    publish_all, is_cut = serving.publisher.publish_all, _is_cut(request)
    outcomes = iter(await publish_all(site, messages, resync, key, is_cut=is_cut))
    return json_answer(
        [
            (each if isinstance(each, InvalidRequest) else next(outcomes)).content()
            for each in checked
        ],
        headers=headers,
    )


@csrf_exempt
@answers_errors
async def receipt(request: HttpRequest, message_id: str) -> HttpResponse:
    """Tell what has become of a message, checked as `send` does; 404 for what is not known."""
    if request.method != "GET":
        return method_answer(request, "GET")
    site = authenticate(request, read_query(request), service())
    found = await service().receipts.find(site.name, message_id)
    if found is None:
        raise InvalidRequest(status=404, code="unknown_message", message=UNKNOWN_MESSAGE)
    return json_answer(found.answer())


@csrf_exempt
@only_reads
async def healthcheck(request: HttpRequest) -> HttpResponse:
    """Answer while the process lives, whatever it depends on."""
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@only_reads
@answers_errors
async def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when messages can be taken now, else 503; says what is out of reach, not why."""
    states = await service().health.states()
    return json_answer(states, 200 if set(states.values()) == {"ok"} else 503)


def _is_cut(request: HttpRequest) -> bool:
    """Whether the server cancels this view when its sender hangs up."""
    return not runs_to_end(scope_of(request))


def _check_entry(entry: object, site: SiteSnapshot) -> SendRequest | InvalidRequest:
    try:
        return parse_send(entry, site)
    except InvalidRequest as error:
        return error


def _resync_of_query(query: dict[str, list[str]]) -> bool:
    values = query.get("resync")
    if values is None:
        return False
    if len(values) > 1:
        message = "Query param 'resync': given more than once."
        raise InvalidRequest(status=400, code="invalid_resync", message=message)
    return parse_flag("Query param 'resync'", values[0])


def _idempotency_key(request: HttpRequest) -> str:
    """Return the key of the header; "" = none. Raises InvalidRequest."""
    key: str = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if len(key) > MAX_IDEMPOTENCY_KEY_CHARACTERS:
        message = f"Idempotency-Key: more than {MAX_IDEMPOTENCY_KEY_CHARACTERS} characters."
        raise InvalidRequest(status=400, code="invalid_idempotency_key", message=message)
    return key
