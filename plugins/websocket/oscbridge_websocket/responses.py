"""HTTP responses: the page and short texts."""

from __future__ import annotations

import http
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

__all__ = ["add_common_headers", "page_response", "parse_query", "text_response"]

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
COMMON_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_common_headers(response: Response) -> Response:
    """Add the headers that every response has."""
    for name, value in COMMON_HEADERS.items():
        response.headers[name] = value
    return response


def text_response(status: int, text: str, content_type: str = "text/plain") -> Response:
    """A response after which the connection is closed."""
    body = text.encode()
    headers = Headers(
        {
            "Content-Type": f"{content_type}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
    )
    return add_common_headers(Response(status, http.HTTPStatus(status).phrase, headers, body))


def page_response(request: Request, *, enabled: bool, locked: bool) -> Response:
    """The response to a plain HTTP request; if ``locked``, the page asks for a token."""
    path = request.path.partition("?")[0]
    # A reverse proxy may keep the path under which it serves the endpoint: /osc/.
    is_page = enabled and path.startswith("/") and path.endswith("/") and "//" not in path
    if request.method == "OPTIONS" and is_page:
        response = text_response(200, "")
        response.headers["Allow"] = "GET, HEAD, OPTIONS"
    elif request.method not in ("GET", "HEAD"):
        response = text_response(405, "Only GET and WebSocket are available here.\n")
        response.headers["Allow"] = "GET, HEAD, OPTIONS"
    elif not is_page:
        response = text_response(404, "Only WebSocket is available here.\n")
    else:
        text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        if locked:
            text = text.replace("<html", "<html data-locked", 1)
        response = text_response(200, text, "text/html")
    if request.method == "HEAD":
        response.body = b""
    return response


def parse_query(request: Request) -> dict[str, str]:
    """The query of a request's URL: the last value of each key."""
    return dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))
