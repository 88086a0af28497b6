"""The MQTT plugin of oscbridge: OSC to and from a broker."""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"mqtt": "oscbridge_mqtt.endpoint:MQTTEndpoint"}
