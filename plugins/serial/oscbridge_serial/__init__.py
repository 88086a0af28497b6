"""The serial plugin of oscbridge: OSC to and from Arduinos and other devices on serial ports.

:mod:`endpoint` opens the port that :mod:`ports` finds and sends to it. :mod:`link` is the open
port: it cuts the bytes of the device into frames, a few at a time. :mod:`codec` makes messages of
frames, which are packets of OSC in SLIP or lines of text, and back.
"""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"serial": "oscbridge_serial.endpoint:SerialEndpoint"}
