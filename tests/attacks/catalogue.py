"""All attacks, in the order of the table."""

from tests.attacks import (
    auth_urls,
    bodies,
    crowds,
    frames,
    heads,
    keys,
    packets,
    pages,
    sessions,
    tenants,
)
from tests.attacks.attack import Attack

MODULES = (heads, bodies, keys, tenants, auth_urls, sessions, frames, packets, crowds, pages)
ATTACKS: dict[str, Attack] = {
    each.name: each
    for module in MODULES
    for each in vars(module).values()
    if isinstance(each, Attack)
}
