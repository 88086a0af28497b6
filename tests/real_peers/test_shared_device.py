"""Clients of python-osc and liblo that share a device which answers only its last client."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest
from bridge_clients import END, WAIT, client_count
from ports import free_port
from pythonosc.tcp_client import SimpleTCPClient
from pythonosc.udp_client import SimpleUDPClient
from shared_device import shared_device

from oscbridge import Message
from oscbridge.testing import until

HOST = "127.0.0.1"
ABSORB = 'absorb = ["/xremote"]'


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


@pytest.mark.parametrize("kind", ["udp", "tcp", "tcp+1.0"])
async def test_three_clients_of_python_osc_each_see_everything_once(kind: str) -> None:
    async with shared_device(f"{kind}://{HOST}:0", clients=ABSORB) as (bridge, device):
        with ExitStack() as stack:
            members = make_clients(kind, bridge.url("stage").port, stack)
            for count, each in enumerate(members, 1):
                each.send_message("/xremote", [])
                await until(lambda count=count: client_count(bridge) >= count, WAIT)
            for number, each in enumerate(members):
                each.send_message(f"/ch/{number}/fader", 0.5)
            await until(lambda: len(device.values) == 3, WAIT)
            device.turn(Message.of(END, 1))
            for each in members:
                found = await asyncio.to_thread(heard_until, each, END)
                assert sorted(found) == [f"/ch/{number}/fader" for number in range(3)]


async def test_oscdump_is_a_static_client_and_oscsend_sets_the_device(launch: Any) -> None:
    port = free_port()
    oscdump = launch("oscdump", "-L", f"osc.udp://:{port}/")
    with SimpleUDPClient(HOST, port) as probe:
        await asyncio.to_thread(oscdump.probe, lambda: probe.send_message("/probe", []))
    static = f'{ABSORB}\nstatic = ["{HOST}:{port}"]'
    async with shared_device(f"udp://{HOST}:0", clients=static) as (bridge, _):
        launch("oscsend", HOST, bridge.url("stage").port, "/fader", "f", "0.5")
        assert await asyncio.to_thread(oscdump.find, "/fader f 0.500000")
