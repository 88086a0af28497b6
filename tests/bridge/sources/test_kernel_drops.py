"""Datagrams that the kernel drops because the receive buffer of a bridge is full (Linux)."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import sys
from pathlib import Path

import pytest
from udp_sockets import udp_socket

from oscbridge import Message, encode_message
from oscbridge.testing import RunningBridge, free_port, running_bridge

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")

MODES = ["asyncio", "blocking", "threading", "forking"]
WAIT = 60.0
MORE_THAN_FITS = 40_000
"""Datagrams: a buffer of 8 MiB, the maximum granted, holds about 11,000 small ones."""

CONFIG = """
[bridge.in]
listen = "{listen}"
mode = "{mode}"
workers = 1
[endpoint.out]
type = "recording"
[[route]]
from = "in"
match = "/block"
function = "{module}:block"
to = "out"
"""
MODULE = """
import os, time

def block(message):
    open({began!r}, "x").close()
    while not os.path.exists({end!r}):
        time.sleep(0.005)
    os.unlink({began!r})
    os.unlink({end!r})
    return message
"""


class Flood:
    """Fills the receive buffer of a bridge while its only route is blocked."""

    def __init__(self, directory: Path, name: str) -> None:
        self._began, self._end = directory / "began", directory / "end"
        (directory / f"{name}.py").write_text(
            MODULE.format(began=str(self._began), end=str(self._end))
        )

    def __call__(self, port: int, count: int = MORE_THAN_FITS) -> None:
        """Send one message that blocks, then ``count`` that no route handles."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", port))
            sender.send(encode_message(Message.of("/block")))
            while not self._began.exists():
                pass
            packet = encode_message(Message.of("/other"))
            for _ in range(count):
                sender.send(packet)
        self._end.touch()


@pytest.fixture
def flood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flood:
    monkeypatch.syspath_prepend(tmp_path)
    return Flood(tmp_path, module_of(tmp_path))


def module_of(directory: Path) -> str:
    return f"block_{re.sub(r'[^a-z0-9]', '_', directory.name.lower())}"


def metric(bridge: RunningBridge, name: str, labels: str = "") -> int | None:
    found = re.search(rf"^oscbridge_{name}{{{labels}}} (\S+)$", bridge.metrics(), re.MULTILINE)
    return None if found is None else int(float(found[1]))


def kernel_drops(bridge: RunningBridge) -> int | None:
    return metric(bridge, "source_dropped_messages_total", 'reason="kernel",source="in"')


def received(bridge: RunningBridge) -> int:
    return metric(bridge, "received_messages_total", 'source="in"') or 0


def config(mode: str, tmp_path: Path, listen: str = "udp://127.0.0.1:0") -> str:
    return CONFIG.format(listen=listen, mode=mode, module=module_of(tmp_path))


async def test_datagrams_dropped_at_the_socket_of_an_osc_endpoint_are_counted_and_logged(
    tmp_path: Path,
) -> None:
    port = free_port()
    text = f"""
    [endpoint.peer]
    type = "osc"
    to = "udp://127.0.0.1:{free_port()}"
    listen = "127.0.0.1:{port}"
    """
    async with running_bridge(text) as bridge:
        packet = encode_message(Message.of("/other"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(MORE_THAN_FITS):  # the loop reads nothing meanwhile
                sender.sendto(packet, ("127.0.0.1", port))
        labels = 'reason="kernel",source="peer"'
        await bridge.until(
            lambda: (
                (metric(bridge, "received_messages_total", 'source="peer"') or 0)
                + (metric(bridge, "source_dropped_messages_total", labels) or 0)
                == MORE_THAN_FITS
            )
        )
        dropped = metric(bridge, "source_dropped_messages_total", labels)
        assert dropped == udp_socket(port).dropped
        assert dropped
        assert "dropped by the kernel" in "\n".join(bridge.log)


@pytest.mark.parametrize("mode", MODES)
async def test_datagrams_dropped_by_the_kernel_are_counted_and_logged(
    mode: str, tmp_path: Path, flood: Flood
) -> None:
    async with running_bridge(config(mode, tmp_path)) as bridge:
        port = bridge.url("in").port
        await asyncio.to_thread(flood, port)
        sent = MORE_THAN_FITS + 1
        lost = udp_socket(port).dropped
        assert 0 < lost < sent
        await bridge.until(lambda: received(bridge) == sent - lost, WAIT)
        assert kernel_drops(bridge) == lost
        lines = [line for line in bridge.log if "dropped by the kernel" in line]
    assert len(lines) == 1
    assert f"{lost:,} datagrams" in lines[0]
    assert "receive buffer" in lines[0]
    assert "net.core.rmem_max" in lines[0]


async def test_count_survives_a_reload_that_reopens_the_socket(
    tmp_path: Path, flood: Flood
) -> None:
    port = free_port()
    listen = f"udp://127.0.0.1:{port}"
    async with running_bridge(config("blocking", tmp_path, listen)) as bridge:
        await asyncio.to_thread(flood, port)
        lost = udp_socket(port).dropped
        await bridge.reload(config("asyncio", tmp_path, listen))
        assert udp_socket(port).dropped == 0  # another socket
        assert kernel_drops(bridge) == lost
        await asyncio.to_thread(flood, port)
        lost += udp_socket(port).dropped
        assert kernel_drops(bridge) == lost


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("flood")
async def test_bridge_without_drops_has_the_metric_at_zero(mode: str, tmp_path: Path) -> None:
    async with running_bridge(config(mode, tmp_path)) as bridge:
        assert kernel_drops(bridge) == 0


@pytest.mark.usefixtures("flood")
async def test_bridge_over_tcp_has_no_such_metric(tmp_path: Path) -> None:
    async with running_bridge(config("asyncio", tmp_path, "tcp://127.0.0.1:0")) as bridge:
        assert kernel_drops(bridge) is None


@pytest.mark.usefixtures("flood")
@pytest.mark.parametrize("mode", MODES)
async def test_granted_receive_buffer_is_logged(
    mode: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "oscbridge")
    async with running_bridge(config(mode, tmp_path)):
        pass
    lines = [each for each in caplog.messages if "receive buffer" in each]
    assert len(lines) == 1
    assert re.match(r"receive buffer of [\d,]+ bytes", lines[0])


@pytest.mark.usefixtures("flood")
async def test_receive_buffer_below_the_requested_size_is_shown_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge.bridge.sources.kernel_drops.RECEIVE_BUFFER", 1 << 30)
    async with running_bridge(config("asyncio", tmp_path)) as bridge:
        pass
    (line,) = [line for line in bridge.log if "receive buffer" in line]
    assert line.startswith("INFO")
    assert "net.core.rmem_max" in line
