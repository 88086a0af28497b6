"""The MQTT plugin of oscbridge: OSC to and from a broker."""

import oscbridge
from oscbridge_mqtt.endpoint import MQTTEndpoint

__all__ = ["MQTTEndpoint"]


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"mqtt": MQTTEndpoint}
