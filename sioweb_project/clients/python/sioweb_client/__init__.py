"""Send through a sioweb service from a backend. Needs nothing but Python, 3.11 or newer."""

from sioweb_client.connection import Refused, SendError, Unavailable
from sioweb_client.sender import Sender

__all__ = ["Refused", "SendError", "Sender", "Unavailable"]
