"""The MQTT plugin of oscbridge: OSC to and from a broker."""

from collections.abc import Mapping

import oscbridge
from oscbridge_mqtt.endpoint import MQTTEndpoint

__all__ = ["MQTTEndpoint"]


@oscbridge.hookimpl
def oscbridge_endpoints() -> Mapping[str, type[oscbridge.Endpoint]]:
    return {"mqtt": MQTTEndpoint}


@oscbridge.hookimpl
def oscbridge_register_routes(dispatcher: oscbridge.Dispatcher, source: oscbridge.Source) -> None:
    """An endpoint that no route names publishes everything that does not come from itself."""
    for sink in source.sinks.values():
        if sink.type == "mqtt" and not sink.routed and sink.name != source.name:
            dispatcher.map("*", sink.offer, needs_message=True)
