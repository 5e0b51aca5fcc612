"""How the tests of what sites are asked ask them."""

import asyncio

from delivery.site_auth import SiteAuth
from tests.delivery.fake_site import FakeSite
from tests.delivery.socket_fixtures import TIMEOUT_SECONDS

TOKEN = "12345"
PATIENCE_SECONDS = 60.0


async def fetch(site_auth: SiteAuth, fake_site: FakeSite, token: str = TOKEN) -> tuple[str, ...]:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await site_auth.fetch_rooms(fake_site.snapshot(), token, PATIENCE_SECONDS)
