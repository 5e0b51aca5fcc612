"""Clocks of others against this machine's: tokens, leases and ids tell the time by them."""

import time
from email.utils import parsedate_to_datetime

from sioweb_project.doctor.findings import Finding, fail, ok

MOST_SECONDS = 5.0  # a second is lost in a Date header, more on the way
MEND = "Set the clocks by NTP on both machines: timedatectl set-ntp true; timedatectl status"


def compare(whose: str, epoch_seconds: float) -> Finding:
    """Say how far another clock is from this one, as it was read just now."""
    ahead = epoch_seconds - time.time()
    if abs(ahead) <= MOST_SECONDS:
        return ok("clock", f"{whose} agrees")
    way = "ahead of" if ahead > 0 else "behind"
    text = f"{whose} is {abs(ahead):.0f} s {way} this machine's: tokens end too early or too late"
    return fail("clock", text, MEND)


def compare_date_header(whose: str, value: str) -> list[Finding]:
    """As `compare`, for `Date` of an HTTP answer; nothing for one that is none."""
    try:
        return [compare(whose, parsedate_to_datetime(value).timestamp())]
    except ValueError:
        return []
