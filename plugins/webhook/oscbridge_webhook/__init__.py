"""The webhook plugin of oscbridge: OSC to and from HTTP."""

from __future__ import annotations

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"webhook": "oscbridge_webhook.endpoint:WebhookEndpoint"}
