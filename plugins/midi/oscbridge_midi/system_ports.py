"""The MIDI ports of the system, as an endpoint has them: waited for, watched, found again."""

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

__all__ = ["SystemPorts"]

WATCH_INTERVAL: Final = 0.5
"""Seconds between looks at the list of ports."""

WAIT: Final = 8.0
"""Seconds that a port is waited for before it is said once more that it is not there."""

CLOSE_TIMEOUT: Final = 0.35
"""Seconds for the system to close the ports; after that the process that has them is killed."""

MAX_JACK: Final = 16_000
"""Bytes of a message over JACK: rtmidi has a buffer of 16,384 for it, and waits for ever for
more."""


class SystemPorts:
    """An output and an input of the system, opened, watched and closed together."""

    def __init__(
        self,
        backend: BackendName,
        *,
        output: str | None,
        input: str | None,
        note_off: NoteOff,
        inbound: MidiReceiver,
        on_full: Callable[[int], None],
        on_lost: Callable[[Exception], None],
        log: logging.Logger,
    ) -> None:
        self._wanted = {"backend": backend, "output": output, "input": input, "note_off": note_off}
        self._inbound = inbound
        self._on_lost = on_lost
        self._process = PortSupervisor(inbound.receive, on_full, self._gone, log)
        self._names: dict[str, str] = {}
        self._watching: asyncio.Task[None] | None = None
        self._is_gone = False
        self.longest = MAX_SYSEX

    @property
    def name(self) -> str:
        return ", ".join(f"{kind} {name!r}" for kind, name in self._names.items())

    async def open(self, *, patient: bool) -> None:
        """Open the ports. A ``patient`` one waits a while for those that are not there.

        Raises :class:`oscbridge.EndpointError`, and ``OSError``.
        """
        await self._process.start()
        deadline = asyncio.get_running_loop().time() + WAIT
        while True:
            try:
                opened = await self._process.call("open", **self._wanted)
                break
            except PortNotFound as error:
                if not patient:
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    # Looked for again at once: whoever plugs it in is waiting for it.
                    raise oscbridge.BackOff(WATCH_INTERVAL, str(error)) from error
            await asyncio.sleep(WATCH_INTERVAL)
        self._names = opened["names"]
        if opened["jack"]:
            self.longest = MAX_JACK
        self._watching = asyncio.create_task(self._watch(), name="watch MIDI ports")

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, in order."""
        if self._is_gone:
            raise oscbridge.NotConnected("the output port is not open")
        try:
            await self._process.send(messages)
        except oscbridge.EndpointError as error:
            raise oscbridge.NotConnected(f"{self.name}: {error}") from error

    async def _watch(self) -> None:
        """Notice that a port is gone."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            try:
                gone = await self._process.call("look")
            except oscbridge.NotConnected:
                return  # the process has ended, which is told already
            except oscbridge.EndpointError as error:
                self._gone(oscbridge.NotConnected(str(error)))
                return
            for kind in gone:
                self._gone(oscbridge.NotConnected(f"the {kind} port {self._names[kind]!r} is gone"))
                return

    def _gone(self, error: Exception) -> None:
        self._is_gone = True  # the system would go on to take messages for nobody
        self._on_lost(error)

    async def close(self) -> None:
        """Close what is open, as far as the system lets it in time."""
        try:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.wait([self._watching])
            with contextlib.suppress(TimeoutError, oscbridge.EndpointError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._process.call("close")
        finally:
            await self._process.end()
            self._inbound.close()
