"""An endpoint that sends and receives lines of text over TCP."""

from __future__ import annotations

import asyncio
import contextlib

import oscbridge

__all__ = ["Line", "LineOptions"]


class LineOptions(oscbridge.Options):
    to: oscbridge.HostPort
    """Where to send the lines to."""


class Line(oscbridge.Endpoint[LineOptions]):
    on_start = "retry"
    example_peer = "line_plugin.peer:LinePeer"

    def __init__(self, name: str, options: LineOptions) -> None:
        super().__init__(name, options)
        self._writer: asyncio.StreamWriter | None = None

    def describe(self) -> str:
        return f"line://{self.options.to}"

    async def connect(self) -> None:
        reader, self._writer = await asyncio.open_connection(*self.options.to)
        self.start_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                self.receive(oscbridge.Message.of("/line", line.decode().strip()))
        self.host.connection_lost(oscbridge.NotConnected("the connection has ended"))

    async def send(self, message: oscbridge.Message) -> None:
        if self._writer is None:
            raise oscbridge.NotConnected
        self._writer.write(f"{message.address} {message.args}\n".encode())
        await self._writer.drain()

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
