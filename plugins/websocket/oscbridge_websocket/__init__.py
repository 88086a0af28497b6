"""The WebSocket plugin of oscbridge: OSC to and from browsers and dashboards."""

from collections.abc import Mapping

import oscbridge
from oscbridge_websocket.endpoint import WebSocketEndpoint

__all__ = ["WebSocketEndpoint"]


@oscbridge.hookimpl
def oscbridge_endpoints() -> Mapping[str, type[oscbridge.Endpoint]]:
    return {"websocket": WebSocketEndpoint}


@oscbridge.hookimpl
def oscbridge_register_routes(dispatcher: oscbridge.Dispatcher, source: oscbridge.Source) -> None:
    """Route all messages to endpoints that no route names, so that a dashboard shows them."""
    for sink in source.sinks.values():
        if sink.type == "websocket" and not sink.routed:
            dispatcher.map("*", sink.offer, needs_message=True)
