"""``oscbridge record``"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import click

from oscbridge.cli.attaching import pid_option
from oscbridge.cli.live_line import live_line
from oscbridge.cli.number import Number
from oscbridge.cli.parameters import URL
from oscbridge.cli.serving import serving
from oscbridge.cli.until_signal import until_signal
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import Reply
from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring import control_client
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.url import OSCURL, HostPort
from oscbridge.recording.format import Record
from oscbridge.recording.record_queue import RecordQueue
from oscbridge.recording.recorder import run_recording
from oscbridge.recording.writer import RecordingWriter

__all__ = ["RecordedSource", "command", "running_bridge"]

LONGEST_SECONDS: Final = 31_622_400
"""Seconds of a recording, at most: one year."""

_UNITS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


class RecordedSource(NamedTuple):
    """Where the records come from."""

    where: str
    """Where, human-readable."""
    records: AsyncIterator[Record]
    """Each with the time at which it passed, on the clock of ``time.monotonic_ns``."""
    dropped: Counter[str]
    """Packets that passed and were not recorded, by reason; may grow at any time."""


class _Size(click.ParamType[int]):
    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,15})([kMG]?)B?", value)
        if found is None or not int(found[1]):
            self.fail(f"{value!r}: expected bytes, e.g. 500k, 100M or 2G", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.command("record")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--listen",
    type=URL,
    help="Record incoming packets there, without a bridge: udp, tcp, tcp+1.0 or tcp+auto.",
)
@pid_option
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@click.option(
    "--max-size",
    type=_Size(),
    default="10G",
    show_default=True,
    help="Stop before FILE is larger than this.",
)
@click.option(
    "--max-seconds",
    type=Number(0, LONGEST_SECONDS, min_open=True),
    help="Stop after this many seconds.",
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

    Without --listen it records the packets that pass through the running bridge, in both
    directions. With --listen it is a server itself and records packets as they arrive,
    including datagrams that are not OSC. Packets are written to disk every half second.

    \b
    Examples:
      oscbridge record show.oscrec
      oscbridge record show.oscrec --listen udp://0.0.0.0:9000
      oscbridge record loop.oscrec --listen udp://127.0.0.1:9001 --max-seconds 8
      oscbridge play show.oscrec
    """
    if file.exists() and not force:
        raise OSCBridgeError(f"{file}: already exists; choose another file, or add --force")
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
        tape = RecordingWriter(
            file, force, max_size
        )  # only now: a busy port must not destroy the old file
        stack.callback(tape.close)
        click.echo(f"recording {source.where} to {file}; Ctrl-C stops it", err=True)
        with live_line(lambda: _state(tape, source)):
            ended, error = await run_recording(source.records, tape, stop, max_seconds)
        click.echo(f"recorded {_state(tape, source)}, to {file}{ended}")
        if error is not None:
            raise error


def _state(tape: RecordingWriter, source: RecordedSource) -> str:
    """The progress of a recording."""
    text = f"{tape.packets:,} packets, {_of_bytes(tape.size)}, {tape.seconds:.1f} s"
    # Copies, because this may run on the thread that draws.
    for reason, count in (source.dropped.copy() + tape.dropped.copy()).items():
        text += f", {count:,} dropped ({reason})"
    return text


def _of_bytes(count: int) -> str:
    """A number of bytes, human-readable."""
    for unit, size in reversed(_UNITS.items()):
        if unit and count >= size:
            return f"{count / size:.1f} {unit}B"
    return f"{count} bytes"


# --- sources of records -----------------------------------------------------------------------


@asynccontextmanager
async def running_bridge(pid: int | None) -> AsyncIterator[RecordedSource]:
    """Attach to the running bridge; its records are the packets in both directions.

    Raises :class:`OSCBridgeError` if none runs, or several run and ``pid`` names none of them.
    """
    process = await control_client.choose(pid)
    async with control_client.tap(process) as passing:
        # The bridge uses the wall clock; records use one that nobody sets.
        ahead = time.time_ns() - time.monotonic_ns()

        batches = passing.batches()
        nothing: list[control_client.Packet] = []
        batch = await anext(batches, nothing)  # from here on no packet is missed

        async def records(batch: list[control_client.Packet]) -> AsyncIterator[Record]:
            while True:
                for packet in batch:
                    yield Record(*packet)._replace(time_ns=packet.time_ns - ahead)
                try:
                    batch = await anext(batches)
                except StopAsyncIteration:
                    return

        yield RecordedSource(process.configuration, records(batch), passing.skipped)


@asynccontextmanager
async def _listening(url: OSCURL) -> AsyncIterator[RecordedSource]:
    """Run a server; its records are the incoming packets, undecoded."""
    arrivals = _Arrivals()
    async with serving(url, arrivals) as served:
        arrivals.name = str(served)
        yield RecordedSource(str(served), arrivals.queue.records(), arrivals.queue.dropped)


class _Arrivals(Dispatcher):
    """Keeps the packets of a server as they arrive, undecoded."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = RecordQueue()

    def dispatch_all(self, batch: Iterable[tuple[bytes, ClientAddress]], reply: Reply) -> None:
        """Keep packets, all with the current time."""
        now, name = time.monotonic_ns(), self.name
        self.queue.put(
            Record(now, "in", name, str(HostPort(*client[:2])), data) for data, client in batch
        )
