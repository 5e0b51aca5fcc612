"""Does an address of a site resolve, connect, and show a good certificate? Nothing is asked."""

import asyncio
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from sites.networks import DenyList

CONNECT_SECONDS = 5.0
DEFAULT_PORTS = {"http": 80, "https": 443}
EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED
RENEW = "Renew it: certbot renew; then reload the web server."


class Unreachable(Exception):
    """`str()` says why, `mend` what to do."""

    def __init__(self, text: str, mend: str) -> None:
        super().__init__(text)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Reached:
    host: str
    certificate_ends: float | None = None  # seconds since 1970; None = no TLS

    @property
    def days_left(self) -> float | None:
        ends = self.certificate_ends
        return None if ends is None else (ends - time.time()) / 86_400


async def reach(url: str, deny_list: DenyList) -> Reached:
    """Raises Unreachable, whose text names the host and nothing else of the URL."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    addresses = await _resolve(host, port, deny_list)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            writer = await _connect(addresses, port, host, context)
    except ssl.SSLCertVerificationError as error:
        raise _bad_certificate(where, error) from error
    except ssl.SSLError as error:
        mend = "Is it https at all? Else enter http://, or see what its web server offers."
        raise Unreachable(f"{where} does not speak TLS: {error.reason}", mend) from error
    except TimeoutError as error:
        mend = f"Does a firewall drop the connection? Try: curl -sv {parts.scheme}://{where}/"
        raise Unreachable(f"{where} does not answer within {CONNECT_SECONDS:g} s", mend) from error
    except OSError as error:
        mend = f"Is its web server running? Try from here: curl -sv {parts.scheme}://{where}/"
        raise Unreachable(f"{where} cannot be connected to: {error.strerror}", mend) from error
    certificate = writer.get_extra_info("peercert")
    writer.transport.abort()
    ends = ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None
    return Reached(host, ends)


async def _resolve(host: str, port: int, deny_list: DenyList) -> list[str]:
    """Return the addresses that are not denied, at least one."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except (OSError, UnicodeError) as error:  # a TimeoutError is an OSError
        mend = f"Is the name right? Try from here: getent hosts {host}"
        raise Unreachable(f"{host} is no name that this machine can look up", mend) from error
    addresses = [str(each[4][0]) for each in found]
    allowed = [each for each in dict.fromkeys(addresses) if not deny_list.denies(each)]
    if not allowed:
        mend = "Correct the URL of the site, or auth_url_deny in config.yml."
        raise Unreachable(f"{host} is at an address that auth_url_deny denies", mend)
    return allowed


async def _connect(
    addresses: list[str], port: int, host: str, context: ssl.SSLContext | None
) -> asyncio.StreamWriter:
    """Try one after the other, as the service does; raises what the last one has raised."""
    *others, last = addresses
    name = host if context else None
    open_at = partial(asyncio.open_connection, port=port, ssl=context, server_hostname=name)
    for address in others:
        with suppress(OSError):
            return (await open_at(address))[1]
    return (await open_at(last))[1]


def _bad_certificate(where: str, error: ssl.SSLCertVerificationError) -> Unreachable:
    text = f"the certificate of {where} is not valid: {error.verify_message}"
    if error.verify_code == EXPIRED:
        return Unreachable(text, RENEW)
    mend = "It must be for this name and from an authority that this machine knows: "
    mend += "SSL_CERT_FILE=ca.pem in the service's environment names one of your own."
    return Unreachable(text, mend)
