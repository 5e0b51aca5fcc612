"""Socket.IO packets as clients send them, read by python-socketio with two additions.

Below `transport_server`: JSON by orjson, and the query of a namespace.
"""

from typing import Any
from urllib.parse import parse_qsl

import orjson
from socketio import packet

MAX_ATTACHMENTS = 10  # of one packet, all kept until the last has come; as socket.io-parser has it
MAX_QUERY_PARAMETERS = 100
MAX_ACK_ID_DIGITS = 15
# What reading a packet that makes no sense raises.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


def parse_ack(text: str) -> tuple[str, int] | None:
    """Read an ack as nearly all are: its namespace and number; None = it is something else, for
    the library to look at.

    >>> parse_ack("3/newsite,17[]")
    ('/newsite', 17)
    >>> parse_ack("3[]"), parse_ack("2/newsite,17[]")
    (None, None)
    """
    head, _, rest = text.partition(",")
    ack_id = rest.partition("[")[0]
    if not head.startswith("3/") or not ack_id.isdecimal() or len(ack_id) > MAX_ACK_ID_DIGITS:
        return None
    return head[1:], int(ack_id)


class Orjson:
    """python-socketio's idea of a JSON module."""

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: object) -> Any:
        return orjson.loads(text)


def opening_packet(
    sid: str, ping_interval_seconds: float, ping_timeout_seconds: float, max_bytes: int
) -> str:
    """Engine.IO's first packet, on a websocket that begins a session.

    >>> opening_packet("bK3x", 25, 0.5, 1000)
    '0{"sid":"bK3x","upgrades":[],"pingTimeout":500,"pingInterval":25000,"maxPayload":1000}'
    """
    about = {
        "sid": sid,
        "upgrades": [],
        "pingTimeout": int(ping_timeout_seconds * 1000),
        "pingInterval": round(ping_interval_seconds * 1000),
        "maxPayload": max_bytes,
    }
    return f"0{Orjson.dumps(about)}"


class Packet(packet.Packet):
    """A packet whose namespace may carry a query, as in `0/newsite?token=12345`: it joins the
    auth, where the library would drop it."""

    json = Orjson
    data: Any

    def decode(self, encoded_packet: str) -> int:
        attachments: int = super().decode(encoded_packet)
        if attachments > MAX_ATTACHMENTS:
            raise ValueError(f"{attachments} attachments, expected at most {MAX_ATTACHMENTS}")
        head, _, query = encoded_packet.partition(",")[0].partition("?")
        if self.packet_type == packet.CONNECT and head.startswith("0/") and query:
            auth = self.data if isinstance(self.data, dict) else {}
            self.data = {**dict(parse_qsl(query, max_num_fields=MAX_QUERY_PARAMETERS)), **auth}
        return attachments
