"""All that the doctor looks at, side by side, each in bounded time."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from django.db import Error

from sioweb_project.doctor import (
    auth_urls,
    backplane_round,
    configuration,
    database,
    machine,
    port,
    redis_health,
    site_keys,
)
from sioweb_project.doctor.findings import Finding, fail, warn
from sites.snapshots import SiteSnapshot, read_sites

LOOK_SECONDS = 30.0

Look = Callable[[], Awaitable[list[Finding]]]


async def _auth_urls() -> list[Finding]:
    return await auth_urls.examine_sites(await asyncio.to_thread(_enabled_sites))


def _enabled_sites() -> list[SiteSnapshot]:
    return sorted(read_sites().values(), key=lambda site: site.name)


# What it is called when it cannot be looked at, and how it is looked at; in order of the report.
LOOKS: tuple[tuple[str, Look], ...] = (
    ("configuration", partial(asyncio.to_thread, configuration.examine)),
    ("machine", partial(asyncio.to_thread, machine.examine)),
    ("port", port.examine),
    ("redis", redis_health.examine),
    ("backplane", backplane_round.examine),
    ("database", partial(asyncio.to_thread, database.examine)),
    ("sites", partial(asyncio.to_thread, site_keys.examine)),
    ("authUrls", _auth_urls),
)


async def examine() -> list[Finding]:
    found = await asyncio.gather(*(_bounded(subject, look) for subject, look in LOOKS))
    return [finding for findings in found for finding in findings]


async def _bounded(subject: str, look: Look) -> list[Finding]:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await look()
    except TimeoutError:
        text = f"could not be looked at within {LOOK_SECONDS:g} s"
        return [fail(subject, text, "See which of the lines around this one tells why.")]
    except Error:
        return [warn(subject, "cannot be looked at without the database", "Mend that first.")]
