"""Why a site gave no answer, in words for the people who run it.

For `site_auth`, whose log, counters and check page show them, and `site_updates`.
"""

import aiohttp


def in_words(error: Exception) -> str:
    """
    >>> in_words(aiohttp.ServerDisconnectedError())
    'It closed the connection before it had answered'
    """
    match error:
        case aiohttp.ClientConnectorError():
            return _connect_in_words(error)
        case aiohttp.ServerDisconnectedError():
            return "It closed the connection before it had answered"
        case TimeoutError():
            return "It took too long to answer"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return "What it answered is no valid HTTP, or ended half-way"
    return f"The call failed: {str(error) or type(error).__name__}"


def _connect_in_words(error: aiohttp.ClientConnectorError) -> str:
    place = f"{error.host}:{error.port}"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"The TLS certificate of {place} is not valid for it, or not trusted"
        case aiohttp.ClientConnectorSSLError():
            return f"{place} does not speak TLS (https) as it should"
        case aiohttp.ClientConnectorDNSError():
            return f"The name {error.host} is not known here (DNS)"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"Nothing listens at {place} (connection refused)"
    return f"{place} cannot be reached: {error.os_error.strerror or error.os_error}"
