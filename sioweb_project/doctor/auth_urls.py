"""authUrl of each enabled site: is it there, and does it refuse a token that nobody has?"""

import asyncio
import secrets
from collections.abc import Sequence
from http import HTTPStatus

from django.conf import settings

from delivery.site_client import SiteClient
from delivery.site_connection import CallFailed
from sioweb_project.doctor.clock import compare_date_header
from sioweb_project.doctor.findings import Finding, fail, ok, warn
from sioweb_project.doctor.reach import RENEW, Reached, Unreachable, reach
from sites.networks import DenyList, read_deny_list
from sites.snapshots import SiteSnapshot

SITES_AT_ONCE = 50
CALL_SECONDS = 5.0
ALL_SECONDS = 25.0
SOON_DAYS = 14
REDIRECTS = range(300, 400)
DENIALS = (401, 403)


async def examine_sites(sites: Sequence[SiteSnapshot]) -> list[Finding]:
    """Ask all, many at a time; say of whom there was no time for."""
    deny_list = read_deny_list(settings.CONFIG.auth_url_deny)
    gate = asyncio.Semaphore(SITES_AT_ONCE)
    client = SiteClient(deny_list, CALL_SECONDS)
    tasks = [asyncio.create_task(_examine(site, client, gate)) for site in sites]
    if not tasks:
        return []
    _, late = await asyncio.wait(tasks, timeout=ALL_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    client.close()
    return [
        finding
        for site, task in zip(sites, tasks, strict=True)
        for finding in ([_not_asked(site)] if task in late else task.result())
    ]


async def _examine(
    site: SiteSnapshot, client: SiteClient, gate: asyncio.Semaphore
) -> list[Finding]:
    async with gate:
        found = [*await _examine_auth_url(site, client)]
        if site.update_user_url:
            found.append(await _examine_update_url(site, client.deny_list))
        return found


async def _examine_auth_url(site: SiteSnapshot, client: SiteClient) -> list[Finding]:
    subject = f"authUrl of {site.name}"
    try:
        reached = await reach(site.auth_url, client.deny_list)
    except Unreachable as error:
        return [fail(subject, str(error), error.mend)]
    token = f"made-up-by-doctor-{secrets.token_hex(8)}"
    headers = {"Authorization": f"{site.auth_scheme} {token}", "Accept": "application/json"}
    try:
        status, date, _ = await client.get(site.auth_url, headers)
    except CallFailed as error:
        text = f"{reached.host} takes the connection and does not answer: {error}"
        return [fail(subject, text, "Read the log of the site's web server.")]
    clock = compare_date_header(f"the clock of {reached.host} ({site.name})", date)
    return [_of_status(subject, site, status), *_of_certificate(subject, reached), *clock]


def _of_status(subject: str, site: SiteSnapshot, status: int) -> Finding:
    text = f"answers {status} to a made-up token"
    if status in DENIALS:
        return ok(subject, text)
    if status == HTTPStatus.OK:
        return fail(
            subject,
            f"{text}: anybody may connect as anybody whom it answers with",
            f"Have it look at `Authorization: {site.auth_scheme} <token>`, and answer 401 to a "
            "token that it does not know. Until then: disable the site in the admin.",
        )
    mends = {404: "Nothing is there: correct the path of authUrl.", 405: "It has to answer to GET."}
    if status in REDIRECTS:
        mend = "Redirects are not followed. Enter the final address; if it leads to a login page, "
        mend += "authUrl has to look at the Authorization header in place of a session."
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        mend = "Read the site's own log; clients are kept waiting until it answers."
    else:
        mend = "It has to answer 401 to a token that it does not know."
    return fail(subject, text, mends.get(status, mend))


def _of_certificate(subject: str, reached: Reached) -> list[Finding]:
    days = reached.days_left
    if days is None or days > SOON_DAYS:
        return []
    return [warn(subject, f"the certificate of {reached.host} ends in {days:.0f} days", RENEW)]


async def _examine_update_url(site: SiteSnapshot, deny_list: DenyList) -> Finding:
    """Only connect: a PUT would be taken for a user."""
    subject = f"updateUserUrl of {site.name}"
    try:
        reached = await reach(site.update_user_url, deny_list)
    except Unreachable as error:
        return fail(subject, str(error), error.mend)
    certificate = _of_certificate(subject, reached)
    return certificate[0] if certificate else ok(subject, f"{reached.host} can be connected to")


def _not_asked(site: SiteSnapshot) -> Finding:
    text = f"was not looked at: the others took {ALL_SECONDS:g} s"
    return warn(f"authUrl of {site.name}", text, "Mend those first, and run doctor again.")
