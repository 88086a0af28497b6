"""``oscbridge record``"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import click

from oscbridge.cli.attaching import pid_option
from oscbridge.cli.parameters import URL
from oscbridge.cli.play import live_line
from oscbridge.cli.until_signal import until_signal
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import EncodeError, OSCBridgeError
from oscbridge.handler import ClientAddress, Reply
from oscbridge.ops import control_client
from oscbridge.ops.recording import END_SIZE, Record, encode_end, encode_header, encode_record
from oscbridge.os_errors import what_failed
from oscbridge.osc_server import AsyncIOOSCUDPServer
from oscbridge.osc_tcp_server import AsyncOSCTCPServer
from oscbridge.url import OSCURL, HostPort

__all__ = ["Source", "command", "running_bridge"]

FLUSH_SECONDS: Final = 0.5
"""Seconds after which what came is written and on the disk, if the disk keeps up."""

FLUSH_BYTES: Final = 262_144
"""Bytes that are written sooner than that."""

MAX_WAITING: Final = 33_554_432
"""Bytes that wait for a slow disk, and that wait to be looked at. Beyond, packets are dropped."""

RECORD_ROOM: Final = 300
"""Bytes that a record takes beside its packet while it waits, about."""

LONGEST_SECONDS: Final = 31_622_400.0
"""Seconds of a recording, at the most: a year."""

_UNITS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_NO_SYNC: Final = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)
"""What devices and pipes say, which have nothing to be synchronised."""


class Source(NamedTuple):
    """Where the records come from."""

    where: str
    """For people."""
    records: AsyncIterator[Record]
    """Each with the time at which it passed, on the clock of ``time.monotonic_ns``."""
    dropped: Counter[str]
    """Packets that passed and are in no record, by reason; may grow at any time."""


class _Size(click.ParamType[int]):
    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,15})([kMG]?)B?", value)
        if found is None or not int(found[1]):
            self.fail(f"{value!r}: write bytes, or 500k, 100M or 2G", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.command("record")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--listen",
    type=URL,
    help="Record what arrives there, without a bridge: udp, tcp, tcp+1.0 or tcp+auto.",
)
@pid_option
@click.option("--force", is_flag=True, help="Overwrite FILE if it is there.")
@click.option(
    "--max-size", type=_Size(), default="10G", show_default=True, help="Stop before FILE is larger."
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(0, LONGEST_SECONDS, min_open=True),
    help="Stop after so many seconds.",
)
def command(
    file: Path,
    listen: OSCURL | None,
    pid: int | None,
    force: bool,
    max_size: int,
    max_seconds: float | None,
) -> None:
    """Record OSC packets with their times into FILE.

    Without --listen it records what passes through the bridge that runs, both ways. With
    --listen it is a server itself, and records packets as they arrive: datagrams that are
    no OSC as well. Every half second what came is on the disk.

    \b
    Examples:
      oscbridge record show.oscrec
      oscbridge record show.oscrec --listen udp://0.0.0.0:9000
      oscbridge record loop.oscrec --listen udp://127.0.0.1:9001 --max-seconds 8
      oscbridge play show.oscrec
    """
    if max_seconds is not None and math.isnan(max_seconds):
        raise click.UsageError("--max-seconds is a number of seconds, not nan")
    if file.exists() and not force:
        raise OSCBridgeError(f"{file}: is there already; name another file, or add --force")
    asyncio.run(_record(file, listen, pid, force, max_size, max_seconds))


async def _record(
    file: Path,
    listen: OSCURL | None,
    pid: int | None,
    force: bool,
    max_size: int,
    max_seconds: float | None,
) -> None:
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(until_signal())
        way = running_bridge(pid) if listen is None else _listening(listen)
        source = await stack.enter_async_context(way)
        tape = _Tape(file, force, max_size)  # only now: a busy port must not cost the old file
        stack.callback(tape.close)
        click.echo(f"recording {source.where} to {file}; Ctrl-C stops it", err=True)
        with live_line(lambda: _state(tape, source)):
            ended, error = await _run(source, tape, stop, max_seconds)
        click.echo(f"recorded {_state(tape, source)}, to {file}{ended}")
        if error is not None:
            raise error


async def _run(
    source: Source, tape: _Tape, stop: asyncio.Event, max_seconds: float | None
) -> tuple[str, BaseException | None]:
    """Record until something ends it. What did: for people, and the error if it was one."""
    collecting = asyncio.create_task(_collect(source.records, tape))
    writing = asyncio.create_task(tape.keep_writing())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait(
            (collecting, writing, stopping),
            timeout=max_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        in_time = any(task.done() for task in (collecting, writing, stopping))
        tape.end(None if in_time or max_seconds is None else round(max_seconds * 1e9))
    finally:
        for task in (collecting, stopping):
            task.cancel()
        await asyncio.wait((collecting, stopping))
    await writing
    if not collecting.cancelled():
        error = collecting.exception()
        return "" if error is not None else f": {collecting.result()}", error
    return "" if in_time else f": {max_seconds:g} seconds are over", None


async def _collect(records: AsyncIterator[Record], tape: _Tape) -> str:
    """Put records on the tape. Why it ended, for people."""
    async for record in records:
        if not tape.add(record):
            return "the file is as large as it may be"
    return "there is nothing more to come"


def _state(tape: _Tape, source: Source) -> str:
    """How far a recording is."""
    text = f"{tape.packets:,} packets, {_of_bytes(tape.size)}, {tape.seconds:.1f} s"
    # Copies, as this may run on the thread that draws.
    for reason, count in (source.dropped.copy() + tape.dropped.copy()).items():
        text += f", {count:,} dropped ({reason})"
    return text


def _of_bytes(count: int) -> str:
    """A number of bytes for people."""
    for unit, size in reversed(_UNITS.items()):
        if unit and count >= size:
            return f"{count / size:.1f} {unit}B"
    return f"{count} bytes"


class _Tape:
    """A file that is being recorded, and what is still to be written to it.

    Raises :class:`OSCBridgeError` for a file that cannot be made.
    """

    def __init__(self, path: Path, force: bool, max_size: int) -> None:
        self._path = path
        self._max_size = max_size
        try:
            self._file = path.open("wb" if force else "xb", buffering=0)
        except OSError as error:
            raise OSCBridgeError(f"{path}: {what_failed(error)}") from None
        header = encode_header(time.time_ns())
        self._start_ns = time.monotonic_ns()
        self._end_ns: int | None = None
        self.packets = 0
        self.size = len(header)
        """Bytes of the file, with those that are still to be written."""
        self.dropped: Counter[str] = Counter()
        self._written = 0
        self._waiting = [header]
        self._waiting_bytes = len(header)
        self._wake = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How long the recording is by now."""
        end = self._end_ns
        return (time.monotonic_ns() - self._start_ns if end is None else end) / 1e9

    def add(self, record: Record) -> bool:
        """Take a record. False if the file would be too large with it."""
        time_ns = max(0, record.time_ns - self._start_ns)  # it may have come just before
        try:
            data = encode_record(record._replace(time_ns=time_ns))
        except EncodeError:
            self.dropped["too long"] += 1
            return True
        if self.size + len(data) + END_SIZE > self._max_size:
            return False
        if self._waiting_bytes + len(data) > MAX_WAITING:
            self.dropped["the disk is too slow"] += 1
            return True
        self.packets += 1
        self._put(data)
        if self._waiting_bytes >= FLUSH_BYTES:
            self._wake.set()
        return True

    def end(self, length_ns: int | None = None) -> None:
        """Take no more. The recording has a length that is given, or lasted until now."""
        self._end_ns = time.monotonic_ns() - self._start_ns if length_ns is None else length_ns
        self._put(encode_end(self._end_ns))
        self._wake.set()

    def _put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.size += len(data)

    async def keep_writing(self) -> None:
        """Write what comes, until all is written after :meth:`end`.

        Raises :class:`OSCBridgeError` when nothing more can be written.
        """
        while self._end_ns is None or self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if not self._waiting:
                continue
            data, self._waiting = b"".join(self._waiting), []
            try:
                # On a thread: a disk may take seconds, and packets must have their times.
                await asyncio.to_thread(self._write, data)
            except OSError as error:
                text = f"{self._path}: {what_failed(error)}"
                if self._written:
                    text += f"; what is in its first {self._written} bytes can be played"
                raise OSCBridgeError(text) from None
            self._waiting_bytes -= len(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            count = self._file.write(rest)
            self._written += count
            rest = rest[count:]
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


# --- where records come from -------------------------------------------------------------------


@asynccontextmanager
async def running_bridge(pid: int | None) -> AsyncIterator[Source]:
    """Attach to the bridge that runs, and have what passes through it, both ways.

    Raises :class:`OSCBridgeError` when there is none, or several and ``pid`` names none.
    """
    process = await control_client.choose(pid)
    async with control_client.tap(process) as passing:
        # There the wall clock, here one that nobody sets.
        ahead = time.time_ns() - time.monotonic_ns()

        batches = passing.batches()
        nothing: list[control_client.Packet] = []
        batch = await anext(batches, nothing)  # from here on nothing that passes is missed

        async def records(batch: list[control_client.Packet]) -> AsyncIterator[Record]:
            while True:
                for packet in batch:
                    yield Record(*packet)._replace(time_ns=packet.time_ns - ahead)
                try:
                    batch = await anext(batches)
                except StopAsyncIteration:
                    return

        yield Source(process.configuration, records(batch), passing.skipped)


@asynccontextmanager
async def _listening(url: OSCURL) -> AsyncIterator[Source]:
    """Be a server, and have what arrives, unread."""
    arrivals = _Arrivals()
    async with AsyncExitStack() as stack:
        try:
            port = await _open(url, arrivals, stack)
        except OSError as error:
            raise OSCBridgeError(f"{url}: {what_failed(error)}") from None
        url = url._replace(port=port)
        arrivals.name = str(url)
        yield Source(str(url), arrivals.records(), arrivals.dropped)


async def _open(url: OSCURL, arrivals: _Arrivals, stack: AsyncExitStack) -> int:
    """Start the server; it stops with the stack. Its port."""
    port: int
    if url.scheme == "udp":
        loop = asyncio.get_running_loop()
        udp = AsyncIOOSCUDPServer((url.host, url.port), arrivals, loop)
        transport, _ = await udp.create_serve_endpoint()
        stack.callback(transport.close)
        port = transport.get_extra_info("sockname")[1]
        return port
    tcp = AsyncOSCTCPServer(url.host, url.port, arrivals, url.framing)
    await tcp.listen()
    stack.push_async_callback(tcp.stop)
    port = tcp.sockets[0].getsockname()[1]
    return port


class _Arrivals(Dispatcher):
    """Keeps the packets of a server as they came, and reads none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped: Counter[str] = Counter()
        self._waiting: deque[Record] = deque()
        self._bytes = 0
        self._came = asyncio.Event()

    def dispatch_all(self, batch: Iterable[tuple[bytes, ClientAddress]], reply: Reply) -> None:
        """Keep packets, all with the time that it is now."""
        now = time.monotonic_ns()
        for data, client in batch:
            if self._bytes + len(data) + RECORD_ROOM > MAX_WAITING:
                self.dropped["too many at once"] += 1
                continue
            self._bytes += len(data) + RECORD_ROOM
            peer = str(HostPort(*client[:2]))
            self._waiting.append(Record(now, "in", self.name, peer, data))
        self._came.set()

    async def records(self) -> AsyncIterator[Record]:
        """What came, in order, without end."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                record = self._waiting.popleft()
                self._bytes -= len(record.packet) + RECORD_ROOM
                yield record
