"""Small HTTP servers on a thread of their own, for what a program or a page asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

__all__ = ["QuietHandler", "http_server"]


class QuietHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD, and logs nothing."""

    def get(self) -> None:
        """Answer a request, by :meth:`answer`."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.get()

    do_HEAD = do_GET  # noqa: N815

    def answer(self, body: bytes, content_type: str, status: int = 200) -> None:
        """Send a response, to HEAD without its body."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def http_server(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[int]:
    """A server on 127.0.0.1. Yields its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
