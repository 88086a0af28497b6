"""HTTP responses: the page, which leads to the control room, and short texts."""

from __future__ import annotations

import http
from typing import Final
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

__all__ = ["add_common_headers", "page_response", "parse_query", "text_response"]

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>oscbridge</title>
<style>
  :root {{ color-scheme: dark light }}
  body {{ max-width: 34rem; margin: 12vh auto; padding: 0 1rem;
         font: 1rem/1.5 system-ui, sans-serif }}
  h1 {{ font-size: 1.25rem }} a {{ font-size: 1.125rem }}
</style>
<h1>This address is for WebSocket clients</h1>
{found}
<p>To serve a page of your own here, set <code>files</code> in the table of the endpoint.</p>
</html>
"""
FOUND: Final = """\
<p>Everything that flows through the bridge is shown in its control room:</p>
<p><a href="{url}">{url}</a></p>"""
NOT_FOUND: Final = """\
<p>The control room shows everything that flows through the bridge. It is not open to this browser:
open the address that <code>oscbridge run</code> prints on the machine of the bridge. For other
machines, set <code>listen = "0.0.0.0:9180"</code> in <code>[http]</code>.</p>"""
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


def page_response(request: Request, *, enabled: bool, control_room: str) -> Response:
    """The response to a plain HTTP request; ``control_room`` is a URL, or empty."""
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
        response = text_response(200, _page(control_room), "text/html")
    if request.method == "HEAD":
        response.body = b""
    return response


def _page(control_room: str) -> str:
    from html import escape  # only here: it takes 0.3 MB

    url = escape(control_room)
    found = FOUND.format(url=url) if url else NOT_FOUND
    return PAGE.format(found=found)


def parse_query(request: Request) -> dict[str, str]:
    """The query of a request's URL: the last value of each key."""
    return dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))
