"""Attacks by a site's `authUrl`, and on it: what it answers, and who is sent to it."""

from tests.attacks.attack import attack
from tests.attacks.target import LIMITED, OWN, Target
from tests.attacks.websocket import Refused

ANSWER = "an answer is read as far as 1 MiB, decoded, and has to be a list of at most 10,000 rooms"
DENIED = "connect_error"
TIME = "a call has 10 s, all calls of a connect `connectTimeout`; at most 100 at once to a site"


def in_short(answer: str) -> str:
    """What a namespace answered: `joined`, `connect_error`, or that it was closed."""
    kinds = {"40": "joined", "44": DENIED}
    return kinds.get(answer[:2], answer)


async def join(target: Target, site: str, rooms: str = "room", **auth: object) -> str:
    async with target.websocket() as socket:
        return in_short(await socket.join(site, token=rooms, **auth))


@attack("no answer", "closed", "closed 1000", "1", stopped_by=TIME, at_once=50, is_repeated=False)
async def auth_url_hangs(target: Target) -> str:
    """50 clients of a site that takes the question and never answers."""
    return await join(target, "hung", f"room{next(target.numbers)}")


@attack("no answer", "closed", "closed 1000", "1", stopped_by=TIME, at_once=20, is_repeated=False)
async def auth_url_drips(target: Target) -> str:
    """20 clients of a site that answers one byte at a time."""
    return await join(target, "dripping", f"room{next(target.numbers)}")


@attack(DENIED, stopped_by=ANSWER)
async def auth_url_without_end(target: Target) -> str:
    """256 MiB as an answer."""
    return await join(target, "endless", f"room{next(target.numbers)}")


@attack(DENIED, stopped_by=ANSWER)
async def auth_url_with_a_bomb(target: Target) -> str:
    """256 MiB of zeros in 256 KiB of gzip."""
    return await join(target, "bomb", f"room{next(target.numbers)}")


@attack(DENIED, stopped_by="no redirect is followed: the token goes nowhere else")
async def auth_url_redirects(target: Target) -> str:
    """A redirect to a port of the service's own machine."""
    return await join(target, "redirecting")


@attack(DENIED, stopped_by=ANSWER + "; what it calls is a new session, which has its limits")
async def auth_url_is_the_service(target: Target) -> str:
    """An `authUrl` that is Socket.IO's own path: each client makes another."""
    return await join(target, "circular", f"room{next(target.numbers)}")


@attack(DENIED, stopped_by=ANSWER)
async def auth_url_nests(target: Target) -> str:
    """100,000 brackets as an answer."""
    return await join(target, "deep", f"room{next(target.numbers)}")


@attack(DENIED, stopped_by=ANSWER)
async def auth_url_names_too_many_rooms(target: Target) -> str:
    """10,001 rooms for one client."""
    return await join(target, "too-many", f"room{next(target.numbers)}")


@attack(
    "joined",
    "closed",
    "closed 1000",
    "1",
    "no answer",
    stopped_by="rooms are joined in portions of 500",
    at_once=2,
)
async def auth_url_names_many_rooms(target: Target) -> str:
    """10,000 rooms for each client, again and again."""
    return await join(target, "many", f"room{next(target.numbers)}")


@attack("joined", stopped_by="any name may be a room; groups are hashes, keys are quoted")
async def auth_url_names_odd_rooms(target: Target) -> str:
    """Rooms of control characters, patterns, and names of keys in Redis."""
    return await join(target, "odd")


@attack(DENIED, stopped_by="one call for each token that waits; 100 at once to a site", at_once=8)
async def token_guessing(target: Target) -> str:
    """A new token with each connect: each is a call of the site."""
    return await join(target, OWN, f"guess-{next(target.numbers)}")


@attack(DENIED, stopped_by="a token with control characters, or of more than 16 KiB, is not sent")
async def odd_tokens(target: Target) -> str:
    """Tokens with line breaks, of 100,000 characters, or none at all."""
    tokens = "a\r\nX-Admin: 1", "x" * 100_000, "", "\x00", "a\nb"
    return await join(target, OWN, tokens[next(target.numbers) % len(tokens)])


@attack(DENIED, stopped_by="a token is a string or a number", at_once=2)
async def tokens_that_are_no_strings(target: Target) -> str:
    """Tokens that are objects, lists, truth values, or 300 levels deep."""
    tokens: tuple[object, ...] = ({"$ne": ""}, [], True, None, [[[[]]]], {})
    async with target.websocket() as socket:
        return in_short(await socket.join(OWN, token=tokens[next(target.numbers) % len(tokens)]))


@attack(DENIED, "refused 403", stopped_by="`allowedOrigins`, at the handshake and at the namespace")
async def foreign_origin(target: Target) -> str:
    """Pages of other origins, and such as look like the right one."""
    origins = (
        *(
            "https://evil.example",
            "https://newsite.com.evil.example",
            "https://newsite.com@evil.example",
        ),
        *(
            "http://newsite.com",
            "https://newsite.com:444",
            "null",
            "https://NEWSITE.com\x00",
            "file://",
        ),
    )
    origin = origins[next(target.numbers) % len(origins)]
    try:
        async with target.websocket(headers={"Origin": origin}) as socket:
            return in_short(await socket.join(LIMITED, token="room"))
    except Refused as error:
        # Such an origin is no header at all: the request is refused as a whole.
        return "refused 403" if str(error) in ("400", "403") else f"refused {error}"


@attack(DENIED, stopped_by="at most 256 characters")
async def long_device_id(target: Target) -> str:
    """A `deviceId` of 100,000 characters."""
    return await join(target, OWN, "user_a", deviceId="x" * 100_000)


@attack("joined", stopped_by="20 devices of a user; the one that was longest away is forgotten")
async def many_devices(target: Target) -> str:
    """A new `deviceId` with each connect of one user."""
    return await join(target, OWN, "user_devices", deviceId=f"device-{next(target.numbers)}")
