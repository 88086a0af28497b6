"""The WebSocket plugin of oscbridge: OSC to and from browsers and dashboards."""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"websocket": "oscbridge_websocket.endpoint:WebSocketEndpoint"}
