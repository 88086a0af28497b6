"""The facts about addresses: from the options of routes, and for their entities."""

from __future__ import annotations

import oscbridge
from oscbridge_mqtt.nearby import FindsBrokers
from oscbridge_mqtt.options import MQTTRoute

__all__ = ["DescribedRoutes"]


class DescribedRoutes(FindsBrokers, oscbridge.UsesAddresses, oscbridge.DescribesRoutes[MQTTRoute]):
    """Describes addresses by the entities of routes, and entities by the known facts otherwise."""

    @classmethod
    def route_facts(cls, options: MQTTRoute) -> oscbridge.AddressInfo | None:
        return None if options.homeassistant is None else options.homeassistant.facts()
