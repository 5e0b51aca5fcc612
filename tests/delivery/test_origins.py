"""Whose pages may connect: at the handshake by any site's list, in a namespace by its own."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from delivery.connection_limits import ConnectionLimits
from delivery.origins import TOO_LONG, Origins, _pattern, allows, kept_of
from tests.delivery.fake_site import FakeSite
from tests.delivery.server_client import PROXY, connect_packet
from tests.delivery.server_fixtures import Gateway, MakeGateway, Sites
from tests.delivery.socket_fixtures import Process

OWN, FOREIGN = "https://newsite.com", "https://evil.com"
ALLOWED = "https://newsite.com\nhttps://*.newsite.com"
REFUSED = '44/newsite,{"message":"Origin not allowed","data":{"code":403}}'
POLLING = b"EIO=4&transport=polling"


@pytest.mark.parametrize(
    "origin",
    [OWN, "https://NewSite.com", "https://a.newsite.com", "https://a.b.newsite.com"],
)
def test_origins_of_the_list_are_allowed(origin: str) -> None:
    assert allows(ALLOWED, origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://newsite.com",
        "https://newsite.com:8443",
        "https://evilnewsite.com",
        "https://newsite.com.evil.com",
        "https://evil.com/.newsite.com",
        "https://evil.com:1.newsite.com",
        "https://evil.com@a.newsite.com",
        "https://.newsite.com",
        "https://newsiteXcom",
        "https://newsite.com\n",
        "null",
        "",
        TOO_LONG,
    ],
)
def test_other_origins_are_not(origin: str) -> None:
    assert not allows(ALLOWED, origin)


def test_every_origin_is_allowed_without_a_list_and_by_a_star() -> None:
    assert allows("", FOREIGN)
    assert allows("https://newsite.com *", FOREIGN)
    assert allows("null", "null")


def test_all_lists_together_are_kept_as_they_are_now_only(sites: Sites) -> None:
    origins = Origins(sites.registry)
    sites.change("othersite", allowed_origins=OWN)
    kept = _pattern.cache_info().currsize
    for name in ("a", "b", "c"):
        sites.change("newsite", allowed_origins=f"https://{name}.com")
        assert origins.allow(f"https://{name}.com")
        assert origins.allow(OWN)
        assert not origins.allow(FOREIGN)
    assert _pattern.cache_info().currsize == kept


def test_an_endless_origin_is_not_kept() -> None:
    endless = "https://" + "a" * 1000 + ".newsite.com"
    kept = kept_of({"QUERY_STRING": "EIO=4", "HTTP_ORIGIN": endless})
    assert kept == {"QUERY_STRING": "EIO=4", "HTTP_ORIGIN": TOO_LONG}


async def join(gateway: Gateway, origin: str | None, namespace: str = "/newsite") -> str:
    client = await gateway.open(headers={"Origin": origin} if origin else {})
    return await client.join(namespace)


async def test_a_namespace_is_for_the_pages_of_its_site(
    gateway: Gateway, sites: Sites, process: Process, fake_site: FakeSite
) -> None:
    sites.change("newsite", allowed_origins=ALLOWED)
    assert (await join(gateway, OWN)).startswith("40/newsite,")
    assert (await join(gateway, None)).startswith("40/newsite,")
    asked = len(fake_site.requests)
    assert await join(gateway, FOREIGN) == REFUSED
    assert len(fake_site.requests) == asked
    assert (await join(gateway, FOREIGN, "/othersite")).startswith("40/othersite,")
    assert process.switchboard.counters.of("newsite").refused["origin"] == 1


async def test_a_page_that_no_site_wants_is_refused_at_the_handshake(
    gateway: Gateway, sites: Sites
) -> None:
    for name in ("newsite", "othersite"):
        sites.change(name, allowed_origins=ALLOWED)
    assert await gateway.knock(headers={"Origin": FOREIGN}).read() is None
    assert (await poll(gateway, FOREIGN))["status"] == 400
    sites.change("othersite", allowed_origins="")
    assert await join(gateway, FOREIGN) == REFUSED


@dataclass
class Polled:
    status: int
    headers: dict[str, str]
    body: bytes


async def exchange(
    gateway: Gateway, method: str, query: bytes, headers: dict[str, str], body: bytes = b""
) -> Polled:
    answer: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(event: dict[str, Any]) -> None:
        answer.append(event)

    lines = {"content-length": str(len(body))} | headers
    scope = {"type": "http", "method": method, "path": "/socket.io/", "query_string": query}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in lines.items()]
    await gateway.server.handle(scope | {"client": (PROXY, 4711)}, receive, send)
    told = {name.decode(): value.decode() for name, value in answer[0]["headers"]}
    return Polled(answer[0]["status"], told, answer[1]["body"])


async def poll(
    gateway: Gateway, origin: str | None, method: str = "GET", query: bytes = POLLING
) -> dict[str, Any]:
    """Return status and headers of a handshake by polling, or of what comes before it."""
    headers = {"origin": origin} if origin else {}
    if method == "OPTIONS":
        headers["access-control-request-headers"] = "x-own"
    answer = await exchange(gateway, method, query, headers)
    if method == "GET" and answer.status == 200:
        gateway.server.close_transport(json.loads(answer.body[1:])["sid"])
    return {"status": answer.status, **answer.headers}


async def test_a_page_that_hides_its_origin_at_the_handshake_shows_it_later(
    gateway: Gateway, sites: Sites
) -> None:
    """With <script src>, whose answer it can read where that is JSONP."""
    sites.change("newsite", allowed_origins=ALLOWED)
    opened = await exchange(gateway, "GET", POLLING + b"&j=0", {})
    [sid] = re.findall(r'\\"sid\\":\\"([^"\\]+)', opened.body.decode())
    session = POLLING + f"&sid={sid}".encode()
    packet = connect_packet("/newsite").encode()
    sent = await exchange(gateway, "POST", session, {"origin": FOREIGN}, packet)
    assert sent.status == 200
    answer = await exchange(gateway, "GET", session, {})
    assert answer.body.decode() == REFUSED
    gateway.server.close_transport(sid)


async def test_polling_of_every_origin_is_allowed_by_default(gateway: Gateway) -> None:
    answer = await poll(gateway, FOREIGN)
    assert (answer["status"], answer["Access-Control-Allow-Origin"]) == (200, FOREIGN)
    assert answer["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer


async def test_a_preflight_is_answered(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(cors_allowed_origins=[OWN], cors_credentials=True)
    answer = await poll(gateway, OWN, "OPTIONS")
    assert answer["status"] == 200
    assert answer["Access-Control-Allow-Origin"] == OWN
    assert answer["Access-Control-Allow-Methods"] == "OPTIONS, GET, POST"
    assert answer["Access-Control-Allow-Headers"] == "x-own"
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert answer["Vary"] == "Origin"
    refused = await poll(gateway, FOREIGN, "OPTIONS")
    assert (refused["status"], "Access-Control-Allow-Origin" in refused) == (400, False)


async def test_a_site_cannot_allow_what_the_configuration_refuses(
    make_gateway: MakeGateway, sites: Sites
) -> None:
    sites.change("newsite", allowed_origins=FOREIGN)
    gateway = make_gateway(cors_allowed_origins=[OWN])
    assert (await poll(gateway, FOREIGN))["status"] == 400


@pytest.mark.parametrize("limit", ["connections_per_address", "handshakes_per_second"])
async def test_a_page_that_may_connect_reads_why_it_cannot_now(
    make_gateway: MakeGateway, sites: Sites, limit: str
) -> None:
    for name in ("newsite", "othersite"):
        sites.change(name, allowed_origins=ALLOWED)
    gateway = make_gateway(limits=ConnectionLimits(**{limit: 1}))
    await gateway.open()
    refused = await poll(gateway, OWN)
    assert (refused["status"], refused["Access-Control-Allow-Origin"]) == (503, OWN)
    assert refused["Vary"] == "Origin"
    assert (await poll(gateway, OWN, "OPTIONS"))["status"] == 200  # it begins no session
    foreign = await poll(gateway, FOREIGN)
    assert (foreign["status"], "Access-Control-Allow-Origin" in foreign) == (503, False)


async def test_a_page_reads_what_was_wrong_with_its_request(gateway: Gateway) -> None:
    answer = await poll(gateway, OWN, query=b"EIO=3&transport=polling")
    assert (answer["status"], answer["Access-Control-Allow-Origin"]) == (400, OWN)
