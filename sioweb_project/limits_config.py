"""What `limits` in config.yml may hold, with each limit's default; checked and used as it is.

docs/configuration.md says what each means. A site may have its own of some of them: see
`sites.limits`. May import options.
"""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from sioweb_project.options import MAX_INT32, Options

NUMBER = "a whole number, 0 or more (0: no limit)"
PROXIES = "a list of addresses and networks, such as 10.0.0.0/8"

Limit = Annotated[int, Field(ge=0, le=MAX_INT32, description=NUMBER)]
Count = Annotated[int, Field(ge=1, le=MAX_INT32, description="a whole number, 1 or more")]
HeaderBytes = Annotated[
    int, Field(ge=1024, le=1_048_576, description="a whole number of bytes from 1024 to 1048576")
]


class Limits(Options):
    """0 = no limit."""

    sends_per_second: Limit = 0  # of a site
    key_sends_per_second: Limit = 0
    sends_at_once: Limit = 0  # 0 = as many as in a second
    failed_keys: Limit = 100  # of an address at a site
    failed_keys_per_second: Count = 1  # that are forgiven
    connections_per_site: Limit = 0
    connections_per_address: Limit = 0
    connections_per_user_room: Limit = 0
    handshakes_per_second: Limit = 0  # of the process
    site_handshakes_per_second: Limit = 0
    events: Limit = 200  # of a client in 10 s
    namespaces: Count = 100  # of a connection
    header_bytes: HeaderBytes = 16_384
    query_bytes: HeaderBytes = 16_384
    queue_messages: Count = 10_000
    queue_bytes: Count = 16 * 1024 * 1024


def is_network(text: str) -> str:
    ip_network(text, strict=False)
    return text


TrustedProxies = Annotated[
    list[Annotated[str, AfterValidator(is_network)]], Field(description=PROXIES)
]
