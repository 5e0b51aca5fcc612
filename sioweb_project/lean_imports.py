"""What libraries import in case somebody needs it, and nobody does here: an eighth of a start.

python-socketio and python-engineio bring their clients and each broker, structlog what draws on a
terminal, wherever that happens to be installed. For `manage.py`; imports nothing of the project.
"""

import sys
from importlib import import_module

LIBRARIES = ("socketio", "structlog")
UNUSED = ("aiohttp", "requests", "rich", "valkey", "websocket")


def import_lean() -> None:
    """Import LIBRARIES as if UNUSED were not installed; who wants those imports them later."""
    absent = [name for name in UNUSED if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # what Python has for: not to be found
    try:
        for library in LIBRARIES:
            import_module(library)
    finally:
        for name in absent:
            del sys.modules[name]
