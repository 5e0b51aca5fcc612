"""Attacks by who has no key of the site, or one of another site."""

import json
from urllib.parse import quote

from tests.attacks.attack import attack
from tests.attacks.bystander import ROOM
from tests.attacks.target import CALM, KEY, OWN, Target, request

GUESSER = "203.0.113.9"
FAILED_KEYS = "`failed_keys` (100) for each address and site, then one a second: 429"
OF_A_SITE = "everything is kept and looked for by site"
CHECKS = "a key is compared by its digest, in constant time"


def guess(number: int, address: str) -> bytes:
    headers = {"X-Api-Key": f"guess-{number}", "X-Forwarded-For": address}
    return request("POST", f"/send?site={OWN}", headers)


@attack("401", "429", stopped_by=FAILED_KEYS)
async def key_guessing(target: Target) -> str:
    """One wrong key after the other, from one address."""
    return await target.ask(guess(next(target.numbers), GUESSER))


@attack("401", "429", stopped_by="`trusted_proxies`: only what the trusted proxy has added counts")
async def forwarded_address_spoofing(target: Target) -> str:
    """The same with an `X-Forwarded-For` of its own each time, to look like many."""
    number = next(target.numbers)
    made_up = (
        f"10.{number % 250}.{number // 250 % 250}.1, {'1.2.3.4, ' * (number % 50)}203.0.113.10"
    )
    return await target.ask(guess(number, made_up))


@attack("401", "429", stopped_by="the same; the sites that do not exist are counted as one")
async def site_guessing(target: Target) -> str:
    """Names of sites that might exist, to find one that answers otherwise."""
    headers = {"X-Api-Key": "guess", "X-Forwarded-For": "203.0.113.11"}
    return await target.ask(request("POST", f"/send?site=site{next(target.numbers)}", headers))


@attack("400", "401", "431", stopped_by=CHECKS)
async def odd_keys(target: Target) -> str:
    """Keys that are empty, long, repeated, with NUL, or in two places."""
    queries = (
        "apiKey=",
        f"apiKey={'x' * 9000}",
        "apiKey=%00",
        f"apiKey=x&apiKey={KEY}",
        "apiKey[]=x",
    )
    query = queries[next(target.numbers) % len(queries)]
    headers = {"X-Forwarded-For": target.address()}
    return await target.ask(request("POST", f"/send?site={OWN}&{query}", headers))


@attack("404", stopped_by=OF_A_SITE)
async def receipts_of_others(target: Target) -> str:
    """`GET /messages/<id>` of another site's message, by its id and the ids around it."""
    raw = request("POST", f"/send?site={CALM}", JSON, b'{"rooms":"nobody","event":"e"}')
    _, _, body = await target.fetch(raw)
    number = int(json.loads(body)["id"]) + next(target.numbers) % 3 - 1
    return await target.ask(request("GET", f"/messages/{number}?site={OWN}", {"X-Api-Key": KEY}))


@attack("404", stopped_by="an id is a number")
async def odd_receipts(target: Target) -> str:
    """Ids that look like keys of Redis, paths, or numbers without an end."""
    ids = "*", "..%2f..%2fetc%2fpasswd", "9" * 5000, "-1", "%00", "sioweb:calm:receipt"
    message_id = ids[next(target.numbers) % len(ids)]
    return await target.ask(
        request("GET", f"/messages/{message_id}?site={OWN}", {"X-Api-Key": KEY})
    )


@attack("offline", stopped_by=OF_A_SITE)
async def presence_of_others(target: Target) -> str:
    """`GET /presence` of a user who is online at another site."""
    raw = request("GET", f"/presence?site={OWN}&room={ROOM}", {"X-Api-Key": KEY})
    _, _, body = await target.fetch(raw)
    return "online" if json.loads(body)["rooms"][0]["online"] else "offline"


@attack("200", stopped_by=OF_A_SITE)
async def disconnects_of_others(target: Target) -> str:
    """`POST /disconnect` of that user: nobody of this name is at the own site."""
    body = json.dumps({"rooms": [ROOM]}).encode()
    return await target.post(f"/disconnect?site={OWN}", body)


@attack("200", stopped_by=OF_A_SITE)
async def rooms_of_others(target: Target) -> str:
    """Messages for the rooms of others, and for names that would be theirs in Redis."""
    rooms = [ROOM, f"{CALM}/{ROOM}", f"../{CALM}/{ROOM}", f"user_}}{{{CALM}/{ROOM}", f"/{CALM},"]
    return await target.send({"rooms": rooms, "event": "m", "args": [-1]})


@attack("401", stopped_by="`/metrics` wants its token")
async def metrics_without_token(target: Target) -> str:
    """`/metrics`, with no token or with API keys."""
    headers = {"Authorization": f"Bearer {KEY}"} if next(target.numbers) % 2 else {}
    return await target.ask(request("GET", "/metrics", headers))


@attack("200", stopped_by="a line of the log is JSON, whatever is in it")
async def log_injection(target: Target) -> str:
    """Line breaks, escapes of terminals and lines of a log, in all that may be logged."""
    line = '\r\n{"level":"error","event":"forged"}\x1b[2J\u2028\x00'
    await target.ask(request("GET", f"/{quote(line)}", {"User-Agent": '"}\t{"level":"error"}'}))
    await target.ask(request("GET", f"/socket.io/?EIO=4&transport={quote(line)}&sid={quote(line)}"))
    return await target.send({"rooms": [line, f"user_{line}"], "event": line, "args": [line]})


JSON = {"X-Api-Key": KEY, "Content-Type": "application/json"}
