"""The WebSocket plugin of oscbridge: OSC to and from browsers and dashboards."""

import oscbridge
from oscbridge_websocket.endpoint import WebSocketEndpoint

__all__ = ["WebSocketEndpoint"]


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"websocket": WebSocketEndpoint}
