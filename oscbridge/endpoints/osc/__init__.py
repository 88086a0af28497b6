"""The built-in endpoint type `osc`: an OSC device over UDP or TCP."""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"osc": "oscbridge.endpoints.osc.endpoint:OSCEndpoint"}
