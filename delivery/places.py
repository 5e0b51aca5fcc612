"""Whether a site, or a user, has a place for one more client: between `namespace` and
`switchboard`."""

from collections.abc import Iterable

from delivery.connection_limits import ConnectionLimits, Turns
from delivery.exceptions import TooManyClients
from delivery.switchboard import Switchboard
from sites.limits import in_force
from sites.snapshots import SiteSnapshot

TOO_MANY = 429


class Places:
    def __init__(
        self, limits: ConnectionLimits, switchboard: Switchboard, connect_timeout_seconds: float
    ) -> None:
        self._limits = limits
        self._switchboard = switchboard
        # The other half is for the site's answer.
        self._turns = Turns(connect_timeout_seconds / 2)

    async def wait_for(self, site: SiteSnapshot) -> None:
        """Return when it is this client's turn to be asked about.

        Raises TooManyClients, TooFast.
        """
        self._check_site(site)
        configured = self._limits.site_handshakes_per_second
        per_second = in_force(site.site_handshakes_per_second, configured)
        if per_second:
            await self._turns.wait(site.name, per_second)

    def check(self, site: SiteSnapshot, rooms: Iterable[str]) -> None:
        """See that there is a place now; it is taken by who joins at once.

        Raises TooManyClients.
        """
        self._check_site(site)
        configured = self._limits.connections_per_user_room
        most = in_force(site.connections_per_user_room, configured)
        if not most:
            return
        for room in rooms:
            if site.is_user_room(room) and self._switchboard.count(site.name, room) >= most:
                raise TooManyClients("Too many clients", TOO_MANY)

    def _check_site(self, site: SiteSnapshot) -> None:
        most = in_force(site.connections_per_site, self._limits.connections_per_site)
        if most and self._switchboard.count_of_site(site.name) >= most:
            raise TooManyClients("Too many clients", TOO_MANY)
