"""The worker process that owns the system's MIDI ports of one endpoint; run with ``python -m``.

rtmidi holds the interpreter lock while a driver does not accept a message: for seconds with a
long sysex on a slow cable, forever when a JACK server hangs or has ended. And a JACK client
that outlives its server can crash its process. With the ports in a separate process, the bridge
never blocks and never crashes.

Requests arrive on standard input, results go to standard output. When the bridge ends, for
whatever reason, the worker ends all sounding notes and exits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final, NoReturn

import oscbridge
from oscbridge_midi import jack, port_protocol
from oscbridge_midi.rtmidi_ports import RtMidiPorts
from oscbridge_midi.sounding_notes import SoundingNotes
from oscbridge_midi.timing.commands import TimingCommand
from oscbridge_midi.timing.ticker import Ticker
from oscbridge_midi.watchdog import Watchdog

__all__ = ["CALL_TIMEOUT", "MAX_PENDING", "InputQueue"]

MAX_PENDING: Final = 16_384
"""Received messages that wait to be written to the bridge."""

CALL_TIMEOUT: Final = 4.0
"""Seconds after which the process ends if a call has not returned. No exception could end it."""

PERIODS: Final = 3
"""Periods of a JACK server after which sent messages have reached the connected ports."""

MAX_CLOSE_DELAY: Final = 0.2
"""Seconds that a close waits for that, at most."""

_IGNORED: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that a service manager may send to all processes. The bridge ends the worker."""


class InputQueue:
    """Writes received messages to the bridge in order, without ever blocking the MIDI thread."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._pending: deque[bytes] = deque()
        self._filled = threading.Condition()  # held only for an append or a swap
        self._dropped = 0
        threading.Thread(target=self._work, name="MIDI to bridge", daemon=True).start()

    def put(self, data: Sequence[int]) -> None:
        """Queue a message; from any thread."""
        self._put(port_protocol.pack_received(bytes(data), time.time_ns()))

    def put_bad(self, error: oscbridge.DecodeError) -> None:
        """Queue the report of bytes that are not a message."""
        text = json.dumps([error.reason, str(error)])
        self._put(port_protocol.make_frame(port_protocol.BAD, text.encode()))

    def _put(self, item: bytes) -> None:
        with self._filled:
            if len(self._pending) >= MAX_PENDING:
                self._dropped += 1
                return
            self._pending.append(item)
            self._filled.notify()

    def _work(self) -> None:
        while True:
            with self._filled:
                while not self._pending:
                    self._filled.wait()
                batch, self._pending = self._pending, deque()
                dropped, self._dropped = self._dropped, 0
            if dropped:
                text = json.dumps(dropped).encode()
                batch.append(port_protocol.make_frame(port_protocol.OVERFLOW, text))
            self._write(b"".join(batch))


class _FrameWriter:
    """Writes to the bridge; from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "wb")
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError:
                pass  # the bridge is gone, so standard input ends as well


class _PortWorker:
    """Handles the bridge's requests."""

    def __init__(self, output: _FrameWriter) -> None:
        self._output = output
        self._received = InputQueue(output.write)
        self._notes = SoundingNotes()
        self._ports: RtMidiPorts | None = None
        self._jack = jack.NOT_WATCHED
        self._sent = 0.0
        """When messages were last sent, in monotonic time."""
        self._ticker: Ticker | None = None
        self._watchdog = Watchdog()
        self._lock = threading.Lock()
        """Held while a message is sent: the ticker has a thread of its own."""

    def run(self, requests: BinaryIO) -> None:
        """Handle requests until the ports are closed, or the bridge is gone."""
        while len(header := requests.read(port_protocol.HEADER.size)) == port_protocol.HEADER.size:
            kind, length = port_protocol.HEADER.unpack(header)
            payload = requests.read(length)
            if len(payload) < length:
                break
            self._output.write(self._respond(kind, payload))
            if self._ports is None:
                return
        with self._watchdog.limited(CALL_TIMEOUT):
            self._release_and_close()

    def _respond(self, kind: bytes, payload: bytes) -> bytes:
        try:
            limit = CALL_TIMEOUT + len(payload) / port_protocol.MIN_SPEED
            with self._watchdog.limited(limit):
                handle = self._send_all if kind == port_protocol.MESSAGES else self._call
                result = handle(payload)
        except Exception as error:  # rtmidi's errors have no common base class
            problem = [type(error).__name__, str(error) or repr(error)]
            return port_protocol.make_frame(port_protocol.ERROR, json.dumps(problem).encode())
        return port_protocol.make_frame(port_protocol.RESULT, json.dumps(result).encode())

    def _send_all(self, payload: bytes) -> object:
        self._send(port_protocol.unpack_messages(payload))
        return None

    def _send(self, messages: Sequence[bytes]) -> None:
        with self._lock:
            if self._ports is None:
                raise oscbridge.EndpointError("the ports are not open")
            for data in messages:
                self._notes.track(data)
                self._ports.send(data)
            self._sent = time.monotonic()

    def _call(self, payload: bytes) -> object:
        function, arguments = json.loads(payload)
        if function == "open":
            return self._open(**arguments)
        if self._ports is None:
            raise oscbridge.EndpointError("the ports are not open")
        if function == "missing":
            return self._ports.missing()
        if function == "time":
            return self._time(**arguments)
        self._close(self._ports)
        return None

    def _time(self, name: Any, numbers: Sequence[float]) -> object:
        """Control the generated clock and time code."""
        if self._ticker is None:
            self._ticker = Ticker(self._send_on_time, self._ticker_failed)
        self._ticker.apply(TimingCommand(name, tuple(numbers)))
        return None

    def _send_on_time(self, messages: Sequence[bytes]) -> None:
        """Send messages; on the ticker's thread."""
        with self._watchdog.limited(CALL_TIMEOUT):
            self._send(messages)

    def _ticker_failed(self, error: Exception) -> None:
        self._end(f"the clock or time code cannot be sent: {error}")

    def _close(self, ports: RtMidiPorts) -> None:
        if self._ticker is not None:
            self._ticker.close()
        # JACK discards messages that were just written to a port when it is closed.
        arrival = self._sent + min(PERIODS * self._jack.period, MAX_CLOSE_DELAY)
        time.sleep(max(0.0, arrival - time.monotonic()))
        with self._lock:
            self._ports = None
            ports.close()
        self._jack.end()

    def _open(self, note_off: Any, **arguments: Any) -> object:
        if self._ports is None:
            self._notes = SoundingNotes(note_off)
            received = self._received
            self._ports = RtMidiPorts(**arguments, on_message=received.put, on_bad=received.put_bad)
        names = self._ports.open()
        if self._ports.is_jack and self._jack is jack.NOT_WATCHED:
            self._jack = jack.watch(self._jack_ended)
        return {"names": names, "jack": self._ports.is_jack}

    def _jack_ended(self) -> None:
        self._end("the JACK server has ended")  # its objects must not be used or freed any more

    def _end(self, reason: str) -> NoReturn:
        """End the process, which the bridge then starts again."""
        text = json.dumps(reason).encode()
        self._output.write(port_protocol.make_frame(port_protocol.ENDED, text))
        os._exit(1)

    def _release_and_close(self) -> None:
        """End all notes: the bridge has ended without closing the ports."""
        ports = self._ports
        if ports is not None:
            if self._ticker is not None:
                self._ticker.close()
            for data in self._notes.release():
                ports.send(data)
            self._sent = time.monotonic()
            self._close(ports)


def main() -> None:
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    output = _FrameWriter(os.dup(1))
    os.dup2(2, 1)  # drivers print to standard output
    _PortWorker(output).run(sys.stdin.buffer)
    os._exit(0)  # the libraries' exit handlers may hang, and nothing is left to do


if __name__ == "__main__":
    main()
