"""The process that has the system's MIDI ports of one endpoint: ``python -m`` this module.

rtmidi keeps the whole interpreter while a driver does not take a message: for seconds with
a long sysex over a slow cable, for ever when a JACK server hangs or has ended. And a JACK
client that outlives its server can take the program with it. So the ports have a process of
their own, and the bridge never waits.

It does what the bridge says by its standard input, and answers by its standard output. When
the bridge is gone, however that came, it ends what sounds, and then itself.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

import oscbridge
from oscbridge_midi import jack, port_protocol
from oscbridge_midi.rtmidi_ports import RtMidiPorts
from oscbridge_midi.sounding_notes import SoundingNotes

__all__ = ["CALL_TIMEOUT", "MAX_PENDING", "InputQueue"]

MAX_PENDING: Final = 16_384
"""Messages that came in and wait for the bridge to take them."""

CALL_TIMEOUT: Final = 4.0
"""Seconds after which a call that has not returned ends the process: nothing else ends it."""

PERIODS: Final = 3
"""Periods of a JACK server in which messages reach who is connected."""

LONGEST_WAIT: Final = 0.2
"""Seconds that a close waits for that, at most."""

_IGNORED: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that may reach all processes of a service. The bridge says when to end."""


class InputQueue:
    """From the MIDI thread to the bridge, in order, without ever making that thread wait."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._pending: deque[bytes] = deque()
        self._filled = threading.Condition()  # held for an append, never while anything is done
        self._full = 0
        threading.Thread(target=self._work, name="MIDI to bridge", daemon=True).start()

    def put(self, data: Sequence[int]) -> None:
        """Take a message, on any thread."""
        item = port_protocol.heard(bytes(data), time.time_ns())
        with self._filled:
            if len(self._pending) >= MAX_PENDING:
                self._full += 1
                return
            self._pending.append(item)
            self._filled.notify()

    def _work(self) -> None:
        while True:
            with self._filled:
                while not self._pending:
                    self._filled.wait()
                batch, self._pending = self._pending, deque()
                full, self._full = self._full, 0
            if full:
                batch.append(port_protocol.frame(port_protocol.FULL, json.dumps(full).encode()))
            self._write(b"".join(batch))


class _FrameWriter:
    """The way to the bridge, for all threads."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "wb")
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError:
                pass  # the bridge is gone: the end of the input says so as well


class _PortWorker:
    def __init__(self, output: _FrameWriter) -> None:
        self._output = output
        self._pump = InputQueue(output.write)
        self._notes = SoundingNotes()
        self._ports: RtMidiPorts | None = None
        self._jack = jack.UNKNOWN
        self._sent = 0.0
        """When messages were sent last."""

    def run(self, requests: BinaryIO) -> None:
        """Do what the bridge says until it says that this is all, or is gone."""
        while len(header := requests.read(port_protocol.HEADER.size)) == port_protocol.HEADER.size:
            kind, length = port_protocol.HEADER.unpack(header)
            payload = requests.read(length)
            if len(payload) < length:
                break
            self._output.write(self._answer(kind, payload))
            if self._ports is None:
                return
        with _limited(CALL_TIMEOUT):
            self._end()

    def _answer(self, kind: bytes, payload: bytes) -> bytes:
        try:
            with _limited(CALL_TIMEOUT + len(payload) / port_protocol.SLOWEST):
                do = self._send if kind == port_protocol.MESSAGES else self._call
                result = do(payload)
        except Exception as error:  # rtmidi's own, of no common class
            fault = [type(error).__name__, str(error) or repr(error)]
            return port_protocol.frame(port_protocol.FAULT, json.dumps(fault).encode())
        return port_protocol.frame(port_protocol.RESULT, json.dumps(result).encode())

    def _send(self, payload: bytes) -> object:
        if self._ports is None:
            raise oscbridge.EndpointError("nothing is open")
        for data in port_protocol.unpack(payload):
            self._notes.follow(data)
            self._ports.send(data)
        self._sent = time.monotonic()
        return None

    def _call(self, payload: bytes) -> object:
        what, arguments = json.loads(payload)
        if what == "open":
            return self._open(**arguments)
        if self._ports is None:
            raise oscbridge.EndpointError("nothing is open")
        if what == "look":
            return self._ports.look()
        self._close(self._ports)
        self._ports = None
        return None

    def _close(self, ports: RtMidiPorts) -> None:
        # JACK throws away what a port that is closed has just been given.
        there = self._sent + min(PERIODS * self._jack.period, LONGEST_WAIT)
        time.sleep(max(0.0, there - time.monotonic()))
        ports.close()
        self._jack.end()

    def _open(self, note_off: Any, **arguments: Any) -> object:
        if self._ports is None:
            self._notes = SoundingNotes(note_off)
            self._ports = RtMidiPorts(**arguments, hear=self._pump.put)
        names = self._ports.open()
        if self._ports.is_jack and self._jack is jack.UNKNOWN:
            self._jack = jack.watch(self._jack_ended)
        return {"names": names, "jack": self._ports.is_jack}

    def _jack_ended(self) -> None:
        text = json.dumps("the JACK server has ended").encode()
        self._output.write(port_protocol.frame(port_protocol.GONE, text))
        os._exit(1)  # its clients are no longer to be touched

    def _end(self) -> None:
        """The bridge is gone and has said nothing."""
        if self._ports is not None:
            for data in self._notes.silence():
                self._ports.send(data)
            self._sent = time.monotonic()
            self._close(self._ports)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End the process if this takes longer. No thread can: rtmidi keeps the interpreter."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM, which nobody handles
    else:
        faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            faulthandler.cancel_dump_traceback_later()


def main() -> None:
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    output = _FrameWriter(os.dup(1))
    os.dup2(2, 1)  # drivers print
    _PortWorker(output).run(sys.stdin.buffer)
    os._exit(0)  # the libraries' own ends may hang, and there is nothing left to be done


if __name__ == "__main__":
    main()
