"""What a client with a certain token would meet: the very steps of a real connect.

For `auth_check_page`. The token goes to the site's authUrl and nowhere else.
"""

import time
from dataclasses import dataclass
from enum import Enum

from delivery.exceptions import AuthRefused, AuthUnavailable, AuthUrlDenied
from delivery.namespace import Namespaces
from sites.models import Site

TIMEOUT_SECONDS = 10.0  # who looks at a page does not wait as long as a client would
OK = 200


class Outcome(Enum):
    ALLOWED = "allowed"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class AuthCheck:
    outcome: Outcome
    text: str  # what the client is told, or why it has to try again; "" = allowed
    hint: str  # what to do about it
    status: int | None  # of the site's answer; None = it was not asked, or did not answer
    milliseconds: int
    user_rooms: tuple[str, ...] = ()
    other_rooms: tuple[str, ...] = ()


async def check(clients: Namespaces, site: Site, token: str) -> AuthCheck:
    """Ask as a connecting client makes the service ask, and join nothing."""
    started = time.monotonic()
    try:
        _, rooms = await clients.identify(f"/{site.name}", "", {"token": token}, TIMEOUT_SECONDS)
    except AuthRefused as error:
        hint = _hint_for_refusal(site, token, error)
        return AuthCheck(Outcome.REFUSED, str(error), hint, error.code, _since(started))
    except AuthUnavailable as error:
        hint = KEEPS_TRYING if error.code else f"{IS_IT_RIGHT} {KEEPS_TRYING}"
        return AuthCheck(Outcome.UNAVAILABLE, str(error), hint, error.code, _since(started))
    prefix = site.user_room_prefix
    user_rooms = tuple(room for room in rooms if prefix and room.startswith(prefix))
    return AuthCheck(
        Outcome.ALLOWED,
        "",
        _hint_for_rooms(site, rooms, user_rooms),
        OK,
        _since(started),
        user_rooms,
        tuple(room for room in rooms if room not in user_rooms),
    )


def _hint_for_refusal(site: Site, token: str, error: AuthRefused) -> str:
    status = error.code
    if not site.is_enabled:
        return "The site is disabled: no client can connect."
    if status is None and not token:
        return "Your site was not asked, as there is no token."
    if isinstance(error, AuthUrlDenied):
        return f"{WAS_DENIED} {IS_IT_RIGHT}"
    if status is None:
        return "Your site was not asked: such a token cannot stand in a header."
    return HINTS.get(status, FALLBACK_HINT).format(scheme=site.auth_scheme)


KEEPS_TRYING = "A client keeps trying by itself; it connects once your site answers again."
IS_IT_RIGHT = "Is the address right, as seen from where this service runs?"
WAS_DENIED = "Your site was not asked: auth_url_deny of config.yml has the network of its address."
HINTS = {
    200: "Your site has to answer with a list of room names and nothing else.",
    **dict.fromkeys(
        (301, 302, 303, 307, 308),
        "Redirects are not followed, so that the token goes nowhere else. Is it a login page? "
        "Else enter the final address.",
    ),
    **dict.fromkeys(
        (401, 403),
        'Your site was asked with "Authorization: {scheme} ..." and does not know this token.',
    ),
    404: "There is nothing at this address. Is the path right?",
    405: "It is asked with GET.",
}
FALLBACK_HINT = "Your site has to answer 200 for a token that it knows, 401 or 403 for others."


def _hint_for_rooms(site: Site, rooms: tuple[str, ...], user_rooms: tuple[str, ...]) -> str:
    if not rooms:
        return "The client is in no room: nothing will ever reach it."
    if not site.user_room_prefix:
        return "The site has no user room prefix: messages are sent once and kept for nobody."
    if not user_rooms:
        return f'No room starts with "{site.user_room_prefix}": nothing is kept for this client.'
    return ""


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
