"""``oscbridge play``"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from oscbridge.cli.input_file import INPUT_FILE
from oscbridge.cli.number import Number
from oscbridge.cli.parameters import TARGET_URL
from oscbridge.cli.recording_player import RecordingPlayer
from oscbridge.client.tcp import TCPClient
from oscbridge.client.udp import UDPClient
from oscbridge.errors import OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.net.url import OSCURL
from oscbridge.recording.format import Record, Recording, RecordingError
from oscbridge.recording.player import FASTEST

__all__ = ["command"]

LARGEST_SPEED: Final = 1000.0
"""The highest factor; for more there is ``--speed max``."""

LONGEST_SECONDS: Final = 31_622_400
"""Seconds of a recording, at most: one year."""

READ_AHEAD: Final = 262_144
"""Bytes that are read from the file at once."""


class _Speed(click.ParamType[float]):
    name = "factor"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if value == "max":
            return FASTEST
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0 < speed <= LARGEST_SPEED:
            expected = f"expected a number above 0, at most {LARGEST_SPEED:g}, or max"
            self.fail(f"{value!r}: {expected}", param, ctx)
        return speed


@click.command("play")
@click.argument("file", type=INPUT_FILE)
@click.option(
    "--to",
    type=TARGET_URL,
    default="udp://127.0.0.1:9000",
    show_default=True,
    help="Where to send it: udp, tcp (OSC 1.1, SLIP) or tcp+1.0 (length prefix).",
)
@click.option(
    "--speed",
    type=_Speed(),
    default="1",
    show_default=True,
    help="2 is twice as fast, max as fast as possible.",
)
@click.option(
    "--start",
    type=Number(0, LONGEST_SECONDS),
    default=0.0,
    help="Start so many seconds after the start of the recording.",
)
@click.option("--loop", is_flag=True, help="Start again at the end, until Ctrl-C.")
@click.option(
    "--direction",
    type=click.Choice(["in", "out", "both"]),
    default="in",
    show_default=True,
    help="Packets received from sources, packets sent to endpoints, or both.",
)
@click.option(
    "--only", metavar="NAME", multiple=True, help="Only packets of this bridge or endpoint."
)
@click.option(
    "--timetags",
    type=click.Choice(["shift", "keep"]),
    default="shift",
    show_default=True,
    help="How to treat time tags of bundles that were in the future.",
)
def command(
    file: Path,
    to: OSCURL,
    speed: float,
    start: float,
    loop: bool,
    direction: str,
    only: tuple[str, ...],
    timetags: str,
) -> None:
    """Send the packets of a recording again, each at its time.

    Time runs from the start of the recording, so silence before the first packet is kept; a
    loop is as long as the recording, and begins at its start again. Time tags that were in the
    future are shifted by the same time ahead, divided by the speed. A damaged file is played up
    to the damage.

    \b
    Examples:
      oscbridge play show.oscrec
      oscbridge play show.oscrec --to udp://192.168.1.20:10023 --speed 0.5
      oscbridge play loop.oscrec --loop
      oscbridge play show.oscrec --start 90
      oscbridge play show.oscrec --direction out --only dashboard
    """
    if not to.port:
        raise click.UsageError(f"{to}: cannot send to port 0")
    if to.framing == "auto":
        raise click.UsageError(
            f"{to}: only a server can detect the framing; write tcp:// (OSC 1.1) or tcp+1.0://"
        )
    if loop and speed == FASTEST:
        raise click.UsageError("--loop with --speed max would flood the receiver; choose one")
    directions = ("in", "out") if direction == "both" else (direction,)

    def wanted(record: Record) -> bool:
        return record.direction in directions and (not only or record.name in only)

    with _reading(file) as recording, _connected(to) as client:
        player = RecordingPlayer(file, recording, wanted, client, to)
        player.run(speed, loop, timetags == "keep", round(start * 1e9))
    if player.failed:
        sys.exit(1)


@contextmanager
def _reading(file: Path) -> Iterator[Recording]:
    try:
        with file.open("rb", buffering=READ_AHEAD) as opened:
            try:
                recording = Recording(opened)
            except RecordingError as error:
                raise OSCBridgeError(f"{file}: {error}") from None
            yield recording
    except OSError as error:
        raise OSCBridgeError(f"{file}: {what_failed(error)}") from None


@contextmanager
def _connected(to: OSCURL) -> Iterator[UDPClient | TCPClient]:
    client: UDPClient | TCPClient
    try:
        if to.scheme == "udp":
            client = UDPClient(to.host, to.port)
        else:
            client = TCPClient(to.host, to.port, mode=to.framing)
    except OSError as error:
        raise OSCBridgeError(f"{to}: {what_failed(error)}") from None
    with client:
        yield client
