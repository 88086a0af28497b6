"""A MIDI device behind ``mido.sockets``, and an endpoint that reaches it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mido  # type: ignore[import-untyped]
import mido.sockets  # type: ignore[import-untyped]

__all__ = ["MidiDevice", "midi_device", "synth"]


class MidiDevice:
    """A device behind ``mido.sockets``: what it receives, and what it sends."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: Any = None
        self._thread.start()

    def _serve(self) -> None:
        try:
            self.port = self._server.accept()
            for message in self.port:
                self._received.put(message)
        except (OSError, ValueError):
            pass  # the test has ended

    async def received(self) -> Any:
        """The next message."""
        return await asyncio.to_thread(self._received.get, timeout=20)

    async def turn(self, control: int, *values: int) -> None:
        """Move a controller of its channel 1."""
        while self.port is None:
            await asyncio.sleep(0.05)
        for value in values:
            self.port.send(mido.Message("control_change", control=control, value=value))


@contextmanager
def midi_device(port: int) -> Iterator[MidiDevice]:
    """A device that waits for the bridge at a port."""
    with mido.sockets.PortServer("127.0.0.1", port) as server:
        device = MidiDevice(server)
        try:
            yield device
        finally:
            if device.port is not None:
                device.port.close()
                device.port._rfile.close()
                device.port._wfile.close()


def synth(port: int) -> str:
    """The configuration of an endpoint ``synth`` with a device at this port."""
    where = f'"midi+tcp://127.0.0.1:{port}"'
    return f'[endpoint.synth]\ntype = "midi"\ninput = {where}\noutput = {where}\n'
