"""The DMX plugin of oscbridge: OSC to and from lights, by sACN (ANSI E1.31) and Art-Net 4.

OSC to DMX: :mod:`endpoint` writes the values (:mod:`levels`) into universes; :mod:`output` decides
when a universe is sent. DMX to OSC: :mod:`merging` joins the sources of a universe, and
:mod:`levels` turns changes into messages. :mod:`sacn` and :mod:`artnet` are the endpoints
of the two protocols, with their packets in :mod:`sacn_packets` and :mod:`artnet_packets`.
"""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {
        "artnet": "oscbridge_dmx.artnet:ArtnetEndpoint",
        "sacn": "oscbridge_dmx.sacn:SacnEndpoint",
    }
