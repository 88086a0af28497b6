"""The webhook plugin of oscbridge: OSC to and from HTTP."""

import oscbridge


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"webhook": "oscbridge_webhook.endpoint:WebhookEndpoint"}
