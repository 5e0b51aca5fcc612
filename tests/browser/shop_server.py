"""A site's own web server: a page with the official client, from another origin than the service.

A page that the test itself would hand to the browser has no address, and Chromium lets no
such page connect to this machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from sioweb_project.config import PROJECT_DIR

FOLDER = Path(__file__).parent / "shop"
CLIENT = PROJECT_DIR / "sioweb_project" / "demo" / "static" / "demo" / "socket.io.min.js"


class Pages(SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        """The client is the one that the demo page has."""
        found = super().translate_path(path)
        return str(CLIENT) if Path(found).name == CLIENT.name else found

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def serving_pages() -> Iterator[str]:
    """The address of the pages; the server ends with the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=FOLDER)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
