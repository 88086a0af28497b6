"""Controls the generated clock and time code of an endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

import oscbridge
from oscbridge_midi.connection import NetworkConnection
from oscbridge_midi.system_ports import SystemPorts
from oscbridge_midi.timing.commands import TimingCommand, timing_command
from oscbridge_midi.timing.ticker import Ticker

__all__ = ["TimeControl"]

MAX_PENDING: Final = 32
"""Ticks that wait for a blocked event loop; above that they are dropped, as they are late."""


class TimeControl:
    """Passes commands to the outputs: ports of the system generate in their process, and for
    network connections this does.

    ``on_late`` is called with the number of dropped ticks, ``on_error`` when no more can be sent.
    It belongs to the event loop.
    """

    def __init__(
        self,
        outputs: Sequence[SystemPorts | NetworkConnection],
        on_late: Callable[[int], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._ports: list[SystemPorts] = []
        self._network: list[NetworkConnection] = []
        for each in outputs:
            if isinstance(each, SystemPorts):
                self._ports.append(each)
            else:
                self._network.append(each)
        self._on_late = on_late
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._ticker: Ticker | None = None
        self._pending = 0

    async def apply(self, message: oscbridge.Message) -> TimingCommand:
        """Carry out the command of a message, and return it.

        Raises :class:`MidiEncodeError` and :class:`oscbridge.NotConnected`.
        """
        command = timing_command(message)
        await self.repeat(command)
        return command

    async def repeat(self, command: TimingCommand) -> None:
        """Carry out a command. Raises :class:`oscbridge.NotConnected`."""
        for ports in self._ports:
            await ports.control_time(command)
        if self._network:
            if self._ticker is None:
                self._ticker = Ticker(self._write, self._failed)
            self._ticker.apply(command)

    def close(self) -> None:
        """End the thread; ports of the system end theirs when they are closed."""
        if self._ticker is not None:
            self._ticker.close()

    def _write(self, messages: Sequence[bytes]) -> None:
        """Send messages; on any thread."""
        self._pending += 1
        self._loop.call_soon_threadsafe(self._write_now, messages, time.monotonic_ns())

    def _write_now(self, messages: Sequence[bytes], when_ns: int) -> None:
        self._pending -= 1
        if self._pending > MAX_PENDING:
            self._on_late(len(messages))
            return
        for each in self._network:
            each.send_now(messages, when_ns)

    def _failed(self, error: Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody is left to tell
            self._loop.call_soon_threadsafe(self._on_error, error)
