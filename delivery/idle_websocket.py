"""What a websocket of daphne need not keep while it is open: most of them are idle.

autobahn gives each some seventy attributes, most of them for its handshake or for what may
go wrong. Below `daphne_websocket`. Imports nothing of the project.
"""

from types import SimpleNamespace
from typing import Any

from autobahn.websocket.protocol import TrafficStats

OF_HANDSHAKE = frozenset(
    {
        *("clean_headers", "application_deferred", "http_headers", "http_request_data"),
        *("http_request_host", "http_request_params", "http_request_uri", "http_request_path"),
        *("http_response_data", "http_status_line", "server_addr", "websocket_extensions"),
        *("websocket_protocols", "_raw_query_string", "_transport_details", "_wskey", "greeting"),
        *("_results", "_valid_events"),  # of events that nobody listens for
    }
)
NO_REQUEST = SimpleNamespace(path="")  # daphne looks for the path once more, at the end
OF_ALL = TrafficStats()  # nobody looks at it


class AtFirst:
    """What attributes of autobahn's are until something happens: the class's, so that only those
    have one of their own to which it did. All are false, as a test."""

    data = b""
    send_queue: Any = ()  # of what is sent in pieces, which nothing is
    send_state = 0
    autoPingPendingSeq = 0
    triggered = inside_message = False
    closedByMe = failedByMe = droppedByMe = wasClean = False
    wasMaxFramePayloadSizeExceeded = wasMaxMessagePayloadSizeExceeded = False
    wasServerConnectionDropTimeout = wasServingFlashSocketPolicyFile = False
    wasOpenHandshakeTimeout = wasCloseHandshakeTimeout = False
    current_frame: Any = None
    trackedTimings = _perMessageCompress = protocol_to_accept = wasNotCleanReason = None
    localCloseCode = localCloseReason = remoteCloseCode = remoteCloseReason = None
    openHandshakeTimeoutCall: Any = None
    closeHandshakeTimeoutCall: Any = None
    autoPingTimeoutCall: Any = None
    autoPingPending = autoPingPendingCall = autoPingPendingSent = None
    websocket_protocol_in_use = None


AT_FIRST = frozenset(name for name in vars(AtFirst) if not name.startswith("__"))


def slim(websocket: Any) -> None:
    """Let go of the handshake, of what is as at first, and of the room for both: with what it
    takes beside the objects, some four kilobytes."""
    websocket.request = NO_REQUEST
    websocket.trafficStats = OF_ALL
    websocket.websocket_extensions_in_use = ()
    kept = [
        (name, value)
        for name, value in vars(websocket).items()
        if name not in OF_HANDSHAKE and (value or name not in AT_FIRST)
    ]
    websocket.__dict__ = dict(kept)  # a dict from which things are taken stays as large as it was
    websocket.transport.__dict__ = dict(list(vars(websocket.transport).items()))
