"""What is answered over HTTP: the page, and short texts."""

from __future__ import annotations

import http
from importlib.resources import files
from typing import Final

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

__all__ = ["add_usual_headers", "answer", "page"]

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
USUAL: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_usual_headers(response: Response) -> Response:
    """Add the headers that every answer has."""
    for name, value in USUAL.items():
        response.headers[name] = value
    return response


def answer(status: int, text: str, content_type: str = "text/plain") -> Response:
    """An answer after which the connection is closed."""
    body = text.encode()
    headers = Headers(
        {
            "Content-Type": f"{content_type}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
    )
    return add_usual_headers(Response(status, http.HTTPStatus(status).phrase, headers, body))


def page(request: Request, *, enabled: bool, locked: bool) -> Response:
    """What a browser gets that opens the address. ``locked``: the page asks for a token."""
    if request.method not in ("GET", "HEAD"):
        found = answer(405, "Nothing here but GET and WebSocket.\n")
        found.headers["Allow"] = "GET, HEAD"
    elif not enabled or request.path.partition("?")[0] != "/":
        found = answer(404, "Nothing here but WebSocket.\n")
    else:
        text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        if locked:
            text = text.replace("<html", "<html data-locked", 1)
        found = answer(200, text, "text/html")
    if request.method == "HEAD":
        found.body = b""
    return found
