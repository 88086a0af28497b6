"""Brokers that announce themselves in the local network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import oscbridge
from oscbridge_mqtt.broker import BrokerURL

__all__ = ["FindsBrokers"]

_PLAIN = "_mqtt._tcp"
_TLS = "_secure-mqtt._tcp"


class FindsBrokers(oscbridge.FindsDevices):
    """Finds brokers by the services that Avahi or the broker announces."""

    test_messages: ClassVar[Mapping[str, Sequence[str]]] = {
        "Publish a test message": ("/oscbridge/test 1",)
    }
    service_types: ClassVar[tuple[str, ...]] = (_PLAIN, _TLS)

    @classmethod
    def device_of(cls, service: oscbridge.DiscoveredService) -> oscbridge.NearbyDevice | None:
        scheme = "mqtts" if service.type == _TLS else "mqtt"
        try:
            broker = str(BrokerURL.parse(f"{scheme}://{service.place}"))
        except ValueError:
            return None
        return oscbridge.NearbyDevice(service.name, {"broker": broker}, service.place)
