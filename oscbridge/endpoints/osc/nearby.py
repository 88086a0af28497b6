"""OSC devices that announce themselves in the local network."""

from __future__ import annotations

from typing import ClassVar

import oscbridge
from oscbridge.endpoints.osc.service_url import OSC_SERVICES, ServiceURL

__all__ = ["FindsOSC"]


class FindsOSC(oscbridge.FindsDevices):
    """Finds devices by the names of their services; they are followed to other addresses."""

    service_types: ClassVar[tuple[str, ...]] = OSC_SERVICES

    @classmethod
    def device_of(cls, service: oscbridge.DiscoveredService) -> oscbridge.NearbyDevice | None:
        try:
            url = str(ServiceURL.parse(f"osc://{service.name.replace('%', '%25')}"))
        except ValueError:
            return None
        return oscbridge.NearbyDevice(service.name, {"to": url}, service.place)
