"""Clients of python-osc and liblo that share a device which answers only its last client."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest
from last_client_device import LastClientDevice
from ports import free_port
from pythonosc.tcp_client import SimpleTCPClient
from pythonosc.udp_client import SimpleUDPClient

from oscbridge import Message
from oscbridge.testing import RunningBridge, running_bridge, until

HOST = "127.0.0.1"
WAIT = 10.0
END = "/end"


def configuration(listen: str, device: LastClientDevice, clients: str) -> str:
    return f"""
        [bridge.stage]
        listen = "{listen}"
        [bridge.stage.clients]
        absorb = ["/xremote"]
        {clients}
        [endpoint.desk]
        type = "osc"
        to = "{device.url}"
        keepalive = {{ send = "/xremote", every = 8 }}
        [[route]]
        from = "stage"
        to = "desk"
        [[route]]
        from = "desk"
        to = "stage"
    """


def make_clients(kind: str, port: int, stack: ExitStack) -> list[Any]:
    if kind == "udp":
        return [stack.enter_context(SimpleUDPClient(HOST, port, timeout=WAIT)) for _ in range(3)]
    mode = "1.0" if kind == "tcp+1.0" else "1.1"
    return [
        stack.enter_context(SimpleTCPClient(HOST, port, mode=mode, timeout=WAIT)) for _ in range(3)
    ]


def heard_until(client: Any, end: str) -> list[str]:
    """The addresses of all messages before the one to ``end``."""
    found: list[str] = []
    while True:
        for message in client.get_messages(WAIT):
            if message.address == end:
                return found
            found.append(message.address)


def clients(bridge: RunningBridge) -> int:
    return bridge.endpoint_status("stage").clients or 0


@pytest.mark.parametrize("kind", ["udp", "tcp", "tcp+1.0"])
async def test_three_clients_of_python_osc_each_see_everything_once(kind: str) -> None:
    device = await LastClientDevice.open()
    try:
        async with running_bridge(configuration(f"{kind}://{HOST}:0", device, "")) as bridge:
            await until(lambda: device.clients, WAIT)
            with ExitStack() as stack:
                members = make_clients(kind, bridge.url("stage").port, stack)
                for count, each in enumerate(members, 1):
                    each.send_message("/xremote", [])
                    await until(lambda count=count: clients(bridge) >= count, WAIT)
                for number, each in enumerate(members):
                    each.send_message(f"/ch/{number}/fader", 0.5)
                await until(lambda: len(device.values) == 3, WAIT)
                device.turn(Message.of(END, 1))
                for each in members:
                    found = await asyncio.to_thread(heard_until, each, END)
                    assert sorted(found) == [f"/ch/{number}/fader" for number in range(3)]
    finally:
        device.close()


async def test_oscdump_is_a_static_client_and_oscsend_sets_the_device(launch: Any) -> None:
    port = free_port()
    oscdump = launch("oscdump", "-L", f"osc.udp://:{port}/")
    with SimpleUDPClient(HOST, port) as probe:
        await asyncio.to_thread(oscdump.probe, lambda: probe.send_message("/probe", []))
    device = await LastClientDevice.open()
    text = configuration(f"udp://{HOST}:0", device, f'static = ["{HOST}:{port}"]')
    try:
        async with running_bridge(text) as bridge:
            await until(lambda: device.clients, WAIT)
            launch("oscsend", HOST, bridge.url("stage").port, "/fader", "f", "0.5")
            assert await asyncio.to_thread(oscdump.find, "/fader f 0.500000")
    finally:
        device.close()
