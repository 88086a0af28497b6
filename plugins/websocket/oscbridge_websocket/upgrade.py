"""WebSocket requests that a reverse proxy does not pass on as such."""

from __future__ import annotations

from typing import Final

from websockets.http11 import Request, Response

from oscbridge_websocket.responses import text_response

__all__ = ["PROXY_SETTINGS", "upgrade_problem", "upgrade_required"]

PROXY_SETTINGS: Final = (
    "(nginx) proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade"; or (Apache) ProxyPass with upgrade=websocket'
)
"""What makes common proxies pass WebSocket on. Caddy, HAProxy and Traefik do so by default."""


def upgrade_problem(request: Request) -> str:
    """The problem of a WebSocket request that a proxy changed, or an empty string.

    A proxy passes on the ``Sec-WebSocket-`` headers, but not those for one hop: ``Connection`` and
    ``Upgrade`` (RFC 9110, section 7.6.1). Some ask with HTTP/1.0, which has no Upgrade.
    """
    headers = request.headers
    if request.method != "GET" or "Sec-WebSocket-Key" not in headers:
        return ""
    if "upgrade" not in ",".join(headers.get_all("Connection")).lower():
        return "it has no 'Connection: Upgrade' header"
    if "websocket" not in ",".join(headers.get_all("Upgrade")).lower():
        return "it has no 'Upgrade: websocket' header"
    if request.protocol != "HTTP/1.1":
        return f"it is {request.protocol}, not HTTP/1.1"
    return ""


def upgrade_required(problem: str) -> Response:
    """The response to such a request (RFC 9110, section 15.5.22)."""
    text = (
        f"A reverse proxy changed this WebSocket request: {problem}.\nSettings: {PROXY_SETTINGS}\n"
    )
    response = text_response(426, text)
    response.headers["Upgrade"] = "websocket"
    return response
