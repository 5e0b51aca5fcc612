"""What happens to connected clients and to senders when a site changes or goes.

The admin says it before it is done. What it says is what `delivery.namespace` does with
a changed site, and `delivery.server` with its clients; a test holds the two together.
"""

from dataclasses import dataclass
from enum import Enum

from django.template.defaultfilters import pluralize

from sites.models import Site
from sites.status import SiteStatus

CLIENTS_OF = "All clients that are connected"  # where no number is known


class Kind(Enum):
    SENT_AWAY = "sent away"  # stock clients stay away after that
    RECONNECTED = "reconnected"  # they come back by themselves
    REFUSED = "refused"  # senders get 401
    LISTENING = "listening"  # clients need other handlers
    KEPT = "kept"  # what waits stays
    LOST = "lost"  # what waits is not delivered
    TAKEN = "taken over"  # what waits for clients of another site is
    KEYS = "keys"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Effect:
    kind: Kind
    text: str


Effects = tuple[Effect, ...]


def of_change(before: Site, after: Site, status: SiteStatus) -> Effects:
    """Return what a change does that somebody would notice; () = nothing."""
    if not before.is_enabled:
        return ()  # nobody is connected, and senders are refused already
    if not after.is_enabled:
        return _of_disabling(before, after, status)
    if after.name != before.name:
        return _of_renaming(before, after, status)
    return _of_new_meaning(before, after, status)


def of_taking(name: str) -> Effects:
    """What it means to give a site the name that another had not long ago."""
    text = f'What still waits for clients of a former site "{name}" is delivered to the clients'
    return (Effect(Kind.TAKEN, f"{text} of this one."),)


def of_deletion(site: Site, status: SiteStatus) -> Effects:
    effects = []
    if site.is_enabled:
        effects += [_sent_away(status), _refused(site)]
    effects.append(
        Effect(
            Kind.LOST,
            f"{_messages(status)} not delivered, unless a site of this name is there again "
            "before their time is over. Only who sees all sites may take its name before that.",
        )
    )
    count = site.api_keys.count()
    effects.append(Effect(Kind.KEYS, f"{_number(count, 'API key')} deleted."))
    if site.api_keys.filter(is_from_file=True).exists():
        text = "If sites.yml still names it, the next start makes it again"
        effects.append(Effect(Kind.FILE, f"{text}. To keep it away, disable it instead."))
    return tuple(effects)


def fingerprint(effects: Effects) -> str:
    """Return what a confirmation stands for: the same effects, whatever the numbers are by now.

    >>> fingerprint((Effect(Kind.SENT_AWAY, "3 clients ..."), Effect(Kind.REFUSED, "Calls ...")))
    'sent away, refused'
    """
    return ", ".join(effect.kind.value for effect in effects)


def _of_disabling(before: Site, after: Site, status: SiteStatus) -> Effects:
    kept = Effect(
        Kind.KEPT,
        f"{_messages(status)} kept until their time is over, and delivered if the site is "
        "enabled again before that.",
    )
    is_renamed = after.name != before.name
    return (
        _sent_away(status),
        _refused(before),
        _lost_by_renaming(before, status) if is_renamed else kept,
    )


def _of_renaming(before: Site, after: Site, status: SiteStatus) -> Effects:
    refused = Effect(
        Kind.REFUSED,
        f'Calls of /send for "{before.name}" are answered with 401; senders have to name '
        f'"{after.name}".',
    )
    listening = Effect(Kind.LISTENING, f'Clients have to connect to io("/{after.name}").')
    return _sent_away(status), listening, refused, _lost_by_renaming(before, status)


def _of_new_meaning(before: Site, after: Site, status: SiteStatus) -> Effects:
    effects = []
    if after.user_room_prefix != before.user_room_prefix:
        rooms = f'rooms that do not start with "{after.user_room_prefix}"'
        lost = f"Of messages that wait, those for {rooms if after.user_room_prefix else 'any room'}"
        effects.append(Effect(Kind.LOST, f"{lost} are not delivered."))
    if after.prefixed_system_events != before.prefixed_system_events:
        names = '"_batch" and "_resync"' if after.prefixed_system_events else '"batch" and "resync"'
        effects.append(Effect(Kind.LISTENING, f"Clients have to listen to {names} from then on."))
    if not effects:
        return ()
    text = f"{_clients(status)} disconnected, and come back by themselves within seconds."
    return Effect(Kind.RECONNECTED, text), *effects


def _sent_away(status: SiteStatus) -> Effect:
    text = f"{_clients(status)} disconnected, and do not come back by themselves."
    return Effect(Kind.SENT_AWAY, text)


def _refused(site: Site) -> Effect:
    return Effect(Kind.REFUSED, f'Calls of /send for "{site.name}" are answered with 401.')


def _lost_by_renaming(before: Site, status: SiteStatus) -> Effect:
    text = f'{_messages(status)} not delivered: they wait for clients of "{before.name}".'
    return Effect(Kind.LOST, text)


def _clients(status: SiteStatus) -> str:
    if status.clients is None:
        return f"{CLIENTS_OF} will be"
    return _number(status.clients, "client")


def _messages(status: SiteStatus) -> str:
    if status.waiting is None:
        return "Messages that wait will be"
    return _number(status.waiting, "waiting message")


def _number(count: int, noun: str) -> str:
    """
    >>> _number(1, "client"), _number(1412, "client")
    ('1 client will be', '1,412 clients will be')
    """
    return f"{count:,} {noun}{pluralize(count)} will be"
