"""WebSocket requests whose Upgrade headers a reverse proxy has removed."""

from __future__ import annotations

from typing import Final

from websockets.http11 import Request, Response

from oscbridge_websocket.responses import text_response

__all__ = ["PROXY_SETTINGS", "missing_upgrade", "upgrade_required"]

PROXY_SETTINGS: Final = (
    "(nginx) proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade"; or (Apache) ProxyPass with upgrade=websocket'
)
"""What makes common proxies pass WebSocket on. Caddy, HAProxy and Traefik do so by default."""


def missing_upgrade(request: Request) -> str:
    """What a WebSocket request lacks, or an empty string.

    A proxy passes on the ``Sec-WebSocket-`` headers, but not those for one hop: ``Connection`` and
    ``Upgrade`` (RFC 9110, section 7.6.1).
    """
    headers = request.headers
    if request.method != "GET" or "Sec-WebSocket-Key" not in headers:
        return ""
    if "upgrade" not in ",".join(headers.get_all("Connection")).lower():
        return "'Connection: Upgrade'"
    if "websocket" not in ",".join(headers.get_all("Upgrade")).lower():
        return "'Upgrade: websocket'"
    return ""


def upgrade_required(missing: str) -> Response:
    """The response to a request that lacks something (RFC 9110, section 15.5.22)."""
    text = (
        f"This WebSocket request has no {missing} header: a reverse proxy removed it.\n"
        f"Settings: {PROXY_SETTINGS}\n"
    )
    response = text_response(426, text)
    response.headers["Upgrade"] = "websocket"
    return response
