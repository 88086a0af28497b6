"""A device on a pseudo-terminal, which can be unplugged and plugged in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from oscbridge.testing import RunningBridge, running_bridge

WAIT = 10.0
"""Seconds to wait for an event."""

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.arduino]
type = "serial"
device = "{path}"
{endpoint}

[endpoint.seen]
type = "recording"

[[route]]
from = "osc"
to   = "arduino"
{route}

[[route]]
from = "arduino"
to   = "seen"
"""


class SerialDevice:
    """The device's end of a serial cable: the controlling side of a pseudo-terminal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """Where the port appears while the device is plugged in."""
        self._fd = -1

    def plug_in(self) -> None:
        self._fd, port = os.openpty()
        os.set_blocking(self._fd, False)
        self.path.symlink_to(os.ttyname(port))
        self._port = port  # open until the bridge has opened it, or written bytes get lost

    def unplug(self) -> None:
        self.path.unlink(missing_ok=True)
        for fd in (self._fd, self._port):
            if fd >= 0:
                os.close(fd)
        self._fd = self._port = -1

    def send(self, data: bytes) -> int:
        """Send bytes. Returns how many there was room for."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    async def send_all(self, data: bytes) -> None:
        """Send bytes as fast as the bridge reads them."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            while data:
                if sent := self.send(data):
                    data = data[sent:]
                    continue
                room = asyncio.Event()
                loop.add_writer(self._fd, room.set)
                await room.wait()
                loop.remove_writer(self._fd)

    async def receive(self, count: int) -> bytes:
        """The next bytes, as many as that."""
        loop = asyncio.get_running_loop()
        data = b""
        async with asyncio.timeout(WAIT):
            while len(data) < count:
                try:
                    data += os.read(self._fd, count - len(data))
                except BlockingIOError:
                    ready = asyncio.Event()
                    loop.add_reader(self._fd, ready.set)
                    await ready.wait()
                    loop.remove_reader(self._fd)
        return data


@pytest.fixture
def device(tmp_path: Path) -> Iterator[SerialDevice]:
    """A device that is plugged in."""
    device = SerialDevice(tmp_path / "ttyACM0")
    device.plug_in()
    yield device
    device.unplug()


@pytest.fixture
def configuration(device: SerialDevice) -> Callable[..., str]:
    """The configuration with these lines for the endpoint, and the route to it."""

    def configuration(endpoint: str = "", route: str = "") -> str:
        return CONFIGURATION.format(path=device.path, endpoint=endpoint, route=route)

    return configuration


@pytest.fixture
async def start(
    configuration: Callable[..., str],
) -> AsyncIterator[Callable[..., Awaitable[RunningBridge]]]:
    """Start a bridge with an endpoint ``arduino``."""
    async with AsyncExitStack() as bridges:

        async def start(endpoint: str = "", route: str = "") -> RunningBridge:
            text = configuration(endpoint, route)
            bridge = await bridges.enter_async_context(running_bridge(text))
            await bridge.until(lambda: bridge.endpoint_status("arduino").connected)
            return bridge

        yield start
