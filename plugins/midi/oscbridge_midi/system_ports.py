"""The system's MIDI ports of an endpoint: opened when they appear, watched, and reopened."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX, NoteOff
from oscbridge_midi.port_names import PortNotFound
from oscbridge_midi.port_supervisor import PortSupervisor
from oscbridge_midi.receiver import MidiReceiver
from oscbridge_midi.rtmidi_ports import BackendName
from oscbridge_midi.timing.commands import TimingCommand

__all__ = ["SystemPorts"]

WATCH_INTERVAL: Final = 0.5
"""Seconds between checks of the list of ports."""

WAIT: Final = 8.0
"""Seconds that a missing port is waited for before it is reported again."""

CLOSE_TIMEOUT: Final = 0.35
"""Seconds for the system to close the ports; after that the port worker is killed."""

MAX_JACK: Final = 16_000
"""The largest message over JACK, in bytes: rtmidi has a buffer of 16,384 bytes and blocks forever
on a larger message."""


class SystemPorts:
    """An output and an input of the system, opened, watched and closed together."""

    def __init__(
        self,
        backend: BackendName,
        *,
        output: str | None,
        input: str | None,
        client: str,
        note_off: NoteOff,
        receiver: MidiReceiver,
        on_bad: Callable[[oscbridge.DecodeError], None],
        on_overflow: Callable[[int], None],
        on_lost: Callable[[Exception], None],
        log: logging.Logger,
    ) -> None:
        self._wanted = {
            **{"backend": backend, "output": output, "input": input},
            **{"client": client, "note_off": note_off},
        }
        self._receiver = receiver
        self._on_lost = on_lost
        self._worker = PortSupervisor(receiver.receive, on_bad, on_overflow, self._lost, log)
        self._names: dict[str, str] = {}
        self._watching: asyncio.Task[None] | None = None
        self._is_lost = False
        self.max_size = MAX_SYSEX

    @property
    def name(self) -> str:
        return ", ".join(f"{kind} {name!r}" for kind, name in self._names.items())

    async def open(self, *, wait: bool) -> None:
        """Open the ports; ``wait`` a while for missing ones.

        Raises :class:`oscbridge.EndpointError`, and ``OSError``.
        """
        await self._worker.start()
        deadline = asyncio.get_running_loop().time() + WAIT
        while True:
            try:
                opened = await self._worker.call("open", **self._wanted)
                break
            except PortNotFound as error:
                if not wait:
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    # Retried soon, so that a port is opened as soon as it is plugged in.
                    raise oscbridge.BackOff(WATCH_INTERVAL, str(error)) from error
            await asyncio.sleep(WATCH_INTERVAL)
        self._names = opened["names"]
        if opened["jack"]:
            self.max_size = MAX_JACK
        self._watching = asyncio.create_task(self._watch(), name="watch MIDI ports")

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages in order."""
        if self._is_lost:
            raise oscbridge.NotConnected("the output port is not open")
        try:
            await self._worker.send(messages)
        except oscbridge.EndpointError as error:
            raise oscbridge.NotConnected(f"{self.name}: {error}") from error

    async def control_time(self, command: TimingCommand) -> None:
        """Control the clock and the time code, which the worker sends."""
        try:
            await self._worker.call("time", name=command.name, numbers=command.numbers)
        except oscbridge.EndpointError as error:
            raise oscbridge.NotConnected(f"{self.name}: {error}") from error

    async def _watch(self) -> None:
        """Detect ports that disappear."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            try:
                missing = await self._worker.call("missing")
            except oscbridge.NotConnected:
                return  # the worker has ended, which has been reported
            except oscbridge.EndpointError as error:
                self._lost(oscbridge.NotConnected(str(error)))
                return
            for kind in missing:
                self._lost(
                    oscbridge.NotConnected(f"the {kind} port {self._names[kind]!r} has disappeared")
                )
                return

    def _lost(self, error: Exception) -> None:
        self._is_lost = True  # the system would still accept messages and discard them
        self._on_lost(error)

    async def close(self) -> None:
        """Close the ports, within a time-out."""
        try:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.wait([self._watching])
            with contextlib.suppress(TimeoutError, oscbridge.EndpointError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._worker.call("close")
        finally:
            await self._worker.end()
            self._receiver.close()
