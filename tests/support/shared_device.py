"""One device that answers only its last client, behind a bridge that shares it with many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge_clients import WAIT
from last_client_device import LastClientDevice

from oscbridge.testing import RunningBridge, running_bridge, until

__all__ = ["shared_device", "shared_device_text"]


def shared_device_text(
    device: LastClientDevice,
    listen: str = "udp://127.0.0.1:0",
    *,
    mode: str = "asyncio",
    keys: str = "",
    clients: str | None = "",
    answers: bool = True,
    more: str = "",
) -> str:
    """The configuration: ``keys`` of the bridge ``stage``, and the keys of its ``clients``.

    Without ``answers`` no route leads back to the clients.
    """
    back = '[[route]]\nfrom = "desk"\nto = "stage"' if answers else ""
    table = "" if clients is None else f"[bridge.stage.clients]\n{clients}"
    return f"""
        [bridge.stage]
        listen = "{listen}"
        mode = "{mode}"
        {keys}
        {table}
        [endpoint.desk]
        type = "osc"
        to = "{device.url}"
        keepalive = {{ send = "/xremote", every = 8 }}
        [[route]]
        from = "stage"
        to = "desk"
        {back}
        {more}
    """


@asynccontextmanager
async def shared_device(
    listen: str = "udp://127.0.0.1:0",
    *,
    mode: str = "asyncio",
    keys: str = "",
    clients: str | None = "",
    more: str = "",
) -> AsyncIterator[tuple[RunningBridge, LastClientDevice]]:
    """A bridge between its clients and a device, with which it is registered."""
    device = await LastClientDevice.open()
    try:
        text = shared_device_text(device, listen, mode=mode, keys=keys, clients=clients, more=more)
        async with running_bridge(text) as bridge:
            await until(lambda: device.clients, WAIT)
            yield bridge, device
    finally:
        device.close()
