"""Plays a recording to a client, and reports the result: for ``oscbridge play``."""

from __future__ import annotations

import contextlib
import selectors
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from oscbridge.cli.live_line import live_line
from oscbridge.client.base import wait_for
from oscbridge.client.tcp import TCPClient
from oscbridge.client.udp import UDPClient
from oscbridge.errors import OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.net.tcp_socket import CHUNK
from oscbridge.net.url import OSCURL
from oscbridge.recording.format import Record, Recording, RecordingError
from oscbridge.recording.player import FASTEST, TOLERANCE_NS, Punctuality, Schedule, play

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["RecordingPlayer"]

MAX_KINDS: Final = 100
"""Distinct names, and distinct errors, that are counted separately."""

MAX_READS: Final = 16
"""Times that replies of a server are read between two packets."""


class _Packet(NamedTuple):
    """A packet that a client sends unchanged."""

    dgram: bytes


class RecordingPlayer:
    """Plays a recording to a client, and reports the result."""

    def __init__(
        self,
        file: Path,
        recording: Recording,
        wanted: Callable[[Record], bool],
        client: UDPClient | TCPClient,
        to: OSCURL,
    ) -> None:
        self.failed = False
        """Whether something could not be played."""
        self._file = file
        self._size = file.stat().st_size
        self._recording = recording
        self._wanted = wanted
        self._client = client
        self._to = to
        self._punctuality = Punctuality()
        self._left_out: Counter[str] = Counter()
        self._unsent: Counter[str] = Counter()
        self._stopped = False
        self._held_up = False
        """Whether a packet is being sent that may wait for the peer."""
        self._rounds = 0
        self._read_ns = 0
        """The time of the last record that was read."""
        self._from_ns = 0
        """The time at which it began."""
        self._start_ns = time.monotonic_ns()

    def run(self, speed: float, loop: bool, keep_timetags: bool, start_ns: int = 0) -> None:
        """Play it from ``start_ns`` on, and print the result. Ctrl-C and SIGTERM stop it.

        Raises :class:`OSCBridgeError` when the connection breaks.
        """
        try:
            with _caught(self._stop), live_line(self._shown):
                self._play(speed, loop, keep_timetags, start_ns)
            if not self._punctuality.packets and not self._stopped:
                self._fail(self._nothing())
        except KeyboardInterrupt:
            pass  # a packet that waited for the peer is dropped
        finally:
            self._drain()  # or closing the connection would discard packets on their way
            late = "" if speed == FASTEST else self._lateness()
            click.echo(f"played {self._progress()} to {self._to}{late}")
            self._warn()

    def _play(self, speed: float, loop: bool, keep_timetags: bool, start_ns: int) -> None:
        self._from_ns = start_ns
        if start_ns:
            self._recording.skip_to(start_ns)
        schedule = Schedule.now(self._recording.start_unix_ns, speed, start_ns)
        self._start_ns = time.monotonic_ns()
        while True:
            self._rounds += 1
            try:
                play(
                    self._chosen(),
                    self._send,
                    schedule,
                    self._punctuality,
                    keep_timetags=keep_timetags,
                    tick=self._drain,
                    stopped=lambda: self._stopped,
                )
            except RecordingError as error:
                if self._rounds == 1:
                    self._fail(f"{self._file}: {error}")
            if not loop or self._stopped or not self._punctuality.packets:
                return
            length = self._recording.length_ns
            schedule = schedule.after(self._read_ns if length is None else length)
            self._recording.rewind()

    def _chosen(self) -> Iterator[Record]:
        for record in self._recording:
            self._read_ns = record.time_ns
            if self._wanted(record):
                yield record
            elif self._rounds == 1:
                _count(self._left_out, f"{record.direction} {record.name}")

    def _send(self, packet: bytes) -> None:
        try:
            self._held_up = self._to.scheme != "udp"
            self._client.send(_Packet(packet))
            self._held_up = False
        except OSError as error:
            if self._to.scheme != "udp":
                raise OSCBridgeError(f"{self._to}: {what_failed(error)}") from None
            if not self._unsent:
                self._fail(f"{self._to}: {what_failed(error)}")
            _count(self._unsent, what_failed(error))

    def _stop(self, _number: int, _frame: object) -> None:
        """Handle a signal: it must not come between a packet and its count."""
        if self._held_up or self._stopped:
            raise KeyboardInterrupt
        self._stopped = True

    def _drain(self) -> None:
        """Discard the replies of a TCP server, which would stop reading otherwise."""
        if isinstance(self._client, TCPClient):
            sock = self._client.socket
            with contextlib.suppress(OSError):  # sending reports it
                for _ in range(MAX_READS):
                    if not wait_for(sock, selectors.EVENT_READ, 0) or not sock.recv(CHUNK):
                        break

    # --- the report ------------------------------------------------------------------------------

    def _progress(self) -> str:
        seconds = (time.monotonic_ns() - self._start_ns) / 1e9
        sent = self._punctuality.packets - self._unsent.total()
        rounds = f" in {self._rounds:,} rounds," if self._rounds > 1 else ""
        return f"{sent:,} packets{rounds} in {seconds:.2f} s"

    def _lateness(self) -> str:
        median, worst = self._punctuality.median_ns, self._punctuality.worst_ns
        return f"; late by {median / 1e6:.2f} ms at the median, {worst / 1e6:.2f} ms at most"

    def _shown(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        bar = ProgressBar(max(1, self._size), min(self._recording.offset, self._size), width=20)
        worst = f"at most {self._punctuality.worst_ns / 1e6:.2f} ms late"
        grid.add_row(bar, f"{self._progress()}, {worst}")
        return grid

    def _warn(self) -> None:
        for text, count in self._unsent.items():
            _say("error", "red", f"{count:,} packets were not sent: {text}")
        if self._punctuality.late:
            late, worst = self._punctuality.late, self._punctuality.worst_ns / 1e6
            text = f"{late:,} packets were more than {TOLERANCE_NS / 1e6:g} ms late, at most"
            _say("warning", "yellow", f"{text} {worst:.2f}")

    def _nothing(self) -> str:
        others = ", ".join(f"{count:,} {name}" for name, count in self._left_out.items())
        if not others and self._from_ns:
            return f"{self._file}: nothing to play after {self._from_ns / 1e9:g} s; lower --start"
        fix = "; select them with --direction and --only" if others else ""
        return f"{self._file}: nothing to play; the file contains {others or 'no packets'}{fix}"

    def _fail(self, text: str) -> None:
        self.failed = True
        _say("error", "red", text)


def _say(kind: str, colour: str, text: str) -> None:
    click.echo(click.style(f"{kind}: ", fg=colour, bold=True) + text, err=True)


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < MAX_KINDS else "others"] += 1


@contextmanager
def _caught(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call a handler for Ctrl-C and SIGTERM."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
