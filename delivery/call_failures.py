"""Why a site could not be connected to, in words for the people who run it.

For `site_client`; logs, counters and the check page show them. Imports `outgoing`.
"""

import socket
import ssl

from delivery.outgoing import Place


def in_words(error: OSError | UnicodeError, place: Place) -> str:
    """
    >>> in_words(ConnectionRefusedError(), Place("newsite.com", 80, is_tls=False))
    'Nothing listens at newsite.com:80 (connection refused)'
    """
    match error:
        case TimeoutError():
            return "It took too long to answer"
        case ssl.SSLCertVerificationError():
            return f"The TLS certificate of {place} is not valid for it, or not trusted"
        case ssl.SSLError():
            return f"{place} does not speak TLS (https) as it should"
        case socket.gaierror() | UnicodeError():
            return f"The name {place.host} is not known here (DNS)"
        case ConnectionRefusedError():
            return f"Nothing listens at {place} (connection refused)"
    return f"{place} cannot be reached: {error.strerror or str(error) or type(error).__name__}"
