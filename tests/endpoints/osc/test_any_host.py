"""An OSC endpoint that listens on all addresses of both families."""

from __future__ import annotations

import asyncio
import socket

import pytest

from oscbridge import Message, encode_message
from oscbridge.osc import decode_message
from oscbridge.testing import running_bridge

WAIT = 10.0


def _free_port() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("listen", ["[::]", "*"])
@pytest.mark.parametrize("to", ["127.0.0.1", "::1"])
async def test_endpoint_receives_from_both_families_and_sends_from_its_port(
    listen: str, to: str
) -> None:
    port, loop = _free_port(), asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        device.bind((to, 0))
        host = f"[{to}]" if ":" in to else to
        text = (
            f'[endpoint.desk]\ntype = "osc"\nto = "udp://{host}:{device.getsockname()[1]}"\n'
            f'listen = "{listen}:{port}"\n'
        )
        async with running_bridge(text, record=["desk"]) as bridge:
            for number, (kind, near) in enumerate(
                ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
            ):
                with socket.socket(kind, socket.SOCK_DGRAM) as other:
                    other.sendto(encode_message(Message.of("/in", number)), (near, port))
                assert (await asyncio.wait_for(bridge.received("desk").get(), WAIT)).args == (
                    number,
                )
            bridge.offer("desk", Message.of("/out", 1))
            data, peer = await asyncio.wait_for(loop.sock_recvfrom(device, 1_000), WAIT)
            assert decode_message(data).address == "/out"
            assert peer[1] == port
