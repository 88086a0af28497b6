"""``oscbridge tap``"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import click

from oscbridge.bridge.tasks import run_until
from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.completion import complete_part, complete_route
from oscbridge.cli.number import Number, WholeNumber
from oscbridge.cli.until_signal import until_signal
from oscbridge.errors import DecodeError, OSCBridgeError
from oscbridge.logs.format import visible
from oscbridge.monitoring.control_client import Packet, RunningProcess, TapClient, choose, tap
from oscbridge.osc import MIDI, Argument, Color, Impulse, Message, TimeTag, decode_packet, messages
from oscbridge.osc.text import format_float, format_message, format_value

__all__ = ["command"]

_JSON: TypeAlias = "bool | int | float | str | list[_JSON] | None"

_WHY: Final = {
    "rate": "over --rate",
    "slow": "this terminal is too slow",
    "bad": "not valid OSC",
}
"""Why messages were skipped, in words."""


class _Shown(NamedTuple):
    """How messages are printed."""

    as_json: bool
    width: int
    """Columns of the widest name."""


@click.command("tap")
@click.argument("name", required=False, shell_complete=complete_part)
@click.option(
    "--match", default="", metavar="PATTERN", help="Only messages with a matching address."
)
@click.option(
    "--route",
    default="",
    metavar="NAME",
    shell_complete=complete_route,
    help="Only messages that this route gets, by name or number.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--count", type=WholeNumber(min=1), help="Stop after this many messages.")
@click.option(
    "--rate",
    type=Number(0.1, 1_000_000),
    default=200,
    show_default=True,
    help="Messages per second that are shown, at most; the others are counted.",
)
@file_option
@pid_option
def command(
    name: str | None,
    match: str,
    route: str,
    as_json: bool,
    count: int | None,
    rate: float,
    file: Path | None,
    pid: int | None,
) -> None:
    """Show the messages that pass through the running bridge, as they pass.

    NAME is a bridge or an endpoint; without it all messages are shown. "stage →" was received
    from stage, "→ web" was delivered to web. The bridge never waits for this command.

    \b
    Examples:
      oscbridge tap
      oscbridge tap stage
      oscbridge tap stage --match "/1/*"
      oscbridge tap --route faders
      oscbridge tap --json --count 100 > messages.jsonl
    """
    if route and (name or match):
        raise click.UsageError("--route cannot be combined with NAME or --match")
    names = [] if name is None else [name]

    def attach(process: RunningProcess) -> AbstractAsyncContextManager[TapClient]:
        return tap(process, names, match, rate, route)

    asyncio.run(_tap(attach, as_json, count, file, pid))


async def _tap(
    attach: Callable[[RunningProcess], AbstractAsyncContextManager[TapClient]],
    as_json: bool,
    count: int | None,
    file: Path | None,
    pid: int | None,
) -> None:
    with until_signal() as stop:
        process = await choose(pid, file)
        async with attach(process) as tapped:
            await run_until(_show(tapped, as_json, count), stop.wait())


async def _show(tapped: TapClient, as_json: bool, count: int | None) -> None:
    """Show ``count`` messages. Raises :class:`OSCBridgeError` if the bridge stops before."""
    left = math.inf if count is None else count
    reported: Counter[str] = Counter()
    shown: _Shown | None = None
    async for batch in tapped.batches():
        if shown is None:
            shown = _Shown(as_json, max((len(visible(each)) for each in tapped.names), default=0))
            click.echo("attached; Ctrl-C ends it", err=True)
        lines = [line for packet in batch for line in _lines(packet, shown)]
        lines = lines[: int(min(left, len(lines)))]
        left -= len(lines)
        if lines:
            click.echo("\n".join(lines))
        if tapped.skipped != reported:
            click.echo(_skipped(tapped.skipped - reported), err=True)
            reported = tapped.skipped.copy()
        if not left:
            return
    raise OSCBridgeError("the bridge has stopped")


def _skipped(counts: Counter[str]) -> str:
    parts = [f"{count:,} skipped ({_WHY.get(why, why)})" for why, count in counts.items()]
    return click.style(f"… {', '.join(parts)}", fg="yellow")


def _lines(packet: Packet, shown: _Shown) -> list[str]:
    try:
        found = list(messages(decode_packet(packet.packet)))
    except DecodeError:  # packets that may be sent but not received
        return []
    make = _as_json if shown.as_json else _as_text
    return [make(packet, message, shown) for message in found]


def _as_text(packet: Packet, message: Message, shown: _Shown) -> str:
    at = datetime.fromtimestamp(packet.time_ns / 1e9).strftime("%H:%M:%S.%f")[:-3]
    name = visible(packet.name)
    way = f"{name} →" if packet.direction == "in" else f"→ {name}"
    colour = "cyan" if packet.direction == "in" else "green"
    parts = [
        click.style(at, dim=True),
        click.style(way.ljust(shown.width + 2), fg=colour),
        visible(packet.peer) or "-",
        format_message(message),
    ]
    if message.timetag is not None and not message.timetag.immediate:
        due = f"@ {message.timetag.datetime().isoformat()}"
        ahead = message.timetag.unix_ns() - packet.time_ns
        if packet.direction == "in" and ahead > 0:
            due += f", {ahead / 1e9:,.1f} s ahead"
        parts.append(click.style(due, fg="yellow"))
    return " ".join(parts)


def _as_json(packet: Packet, message: Message, _shown: _Shown) -> str:
    at = datetime.fromtimestamp(packet.time_ns / 1e9, UTC)
    timetag = message.timetag
    fields = {
        "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "direction": packet.direction,
        "name": packet.name,
        "peer": packet.peer or None,
        "address": message.address,
        "types": message.types,
        "args": [_json_value(each) for each in message.args],
        "timetag": None if timetag is None else format_value(timetag),
    }
    return json.dumps(fields)


def _json_value(value: Argument) -> _JSON:
    """As JSON, or as text for ``oscbridge send --types``."""
    match value:
        case Color() | TimeTag() | Impulse():
            return format_value(value)
        case MIDI():
            return bytes(value).hex()
        case bytes():
            return value.hex()
        case float():
            # With the fewest digits. JSON has neither infinity nor NaN.
            return float(format_float(value)) if math.isfinite(value) else str(value)
        case list():
            return [_json_value(each) for each in value]
    return value
