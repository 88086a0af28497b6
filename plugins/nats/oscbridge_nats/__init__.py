"""The NATS plugin of oscbridge: OSC to and from NATS, with JetStream for what must arrive."""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"nats": "oscbridge_nats.endpoint:NATSEndpoint"}
