"""The models of the configuration: every key, its type, its default and what it is for."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from oscbridge.bridge.routes.conversion import LARGEST_FLOAT
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.endpoint import OnStart, Options, Policy
from oscbridge.errors import DecodeError, PatternError
from oscbridge.net.allowlist import AllowList
from oscbridge.net.url import OSCURL
from oscbridge.osc import Limits, Pattern
from oscbridge.osc.arguments import layout
from oscbridge.server.connection_limits import StreamLimits

__all__ = ["BridgeOptions", "HostOptions", "LimitOptions", "Mode", "RouteOptions", "SpoolOptions"]

SLOWEST: Final = 0.001
FASTEST: Final = 1_000_000
"""Messages a second that ``limit`` may be."""

_Number = int | float  # a whole number stays one: it says what the result is
_Range = tuple[_Number, _Number, _Number, _Number]
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?/s")

Mode = Literal["asyncio", "blocking", "threading", "forking"]


def _pattern(value: str) -> str:
    if not value.startswith(("/", "*")):
        raise ValueError("an address starts with '/'")
    try:
        pattern = Pattern(value, mapped=True)
    except PatternError as error:
        raise ValueError(str(error).removeprefix(f"{value!r}: ")) from None
    if pattern.impossible:
        raise ValueError(f"no address matches, as {pattern.impossible} stands for no character")
    return value


def _several(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if not (isinstance(names, list | tuple) and names and all(isinstance(n, str) for n in names)):
        raise ValueError('expected a name in quotes, or several: ["one", "two"]')
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands twice")
    return tuple(names)


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


def _mode(value: Mode) -> Mode:
    if value == "forking" and not hasattr(os, "fork"):
        raise ValueError("this system cannot fork; use threading")
    return value


def _rate(value: object) -> object:
    if (
        not isinstance(value, str)
        or not _RATE.fullmatch(value)
        or not SLOWEST <= float(value[:-2]) <= FASTEST
    ):
        raise ValueError('write it as messages a second, for example "30/s"')
    return value


def _types(value: str) -> str:
    if value.startswith(","):
        raise ValueError(f"write it without the comma: {value[1:]!r}")
    try:
        layout(value)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    return value


def _range(value: object) -> object:
    if value is None:
        return None
    numbers = list(value) if isinstance(value, list | tuple) else []
    if len(numbers) != 4 or any(type(n) not in (int, float) for n in numbers):
        raise ValueError("expected four numbers: [in_low, in_high, out_low, out_high]")
    if not all(abs(n) <= LARGEST_FLOAT for n in numbers):  # NaN is not
        raise ValueError("the numbers must be finite, and fit 32 bits")
    if numbers[0] == numbers[1]:
        raise ValueError("in_low and in_high are the same, so there is nothing between")
    if all(type(n) is int for n in numbers[2:]) and not all(abs(n) < 1 << 31 for n in numbers[2:]):
        raise ValueError("whole numbers must fit 32 bits; write out_high with a point for a float")
    return tuple(numbers)


_Bytes = Annotated[int, Field(ge=16, le=256 << 20)]
_Many = Annotated[int, Field(ge=1, le=1_000_000)]
_Clients = Annotated[int, Field(ge=1, le=10_000)]
_Seconds = Annotated[float, Field(ge=0.1, le=30 * 86_400)]


class LimitOptions(Options):
    """``[bridge.NAME.limits]``: how much a bridge takes in. What is beyond is counted."""

    packet: _Bytes = 1_048_576
    """Bytes of a packet. UDP carries at most 65,535."""
    depth: Annotated[int, Field(ge=1, le=100)] = 16
    """Bundles within bundles, and arrays within arrays."""
    tags: _Many = 16_384
    """Type tags of a message, brackets included."""
    arguments: _Many = 16_384
    """Arguments of a message, those within arrays included."""
    address: Annotated[int, Field(ge=1, le=65_535)] = 512
    """Bytes of an address."""
    calls: _Many = 16_384
    """Times that the messages of one bundle may go through routes, together."""
    pending: _Many = 10_000
    """Messages that may wait for their time tags."""
    horizon: Annotated[float, Field(ge=0, le=30 * 86_400)] = 3600.0
    """Seconds ahead that a time tag may be."""
    beyond: Literal["run", "drop"] = "run"
    """What becomes of messages beyond ``pending`` or ``horizon``: ``run`` (at once) or ``drop``."""
    connections: _Clients = 256
    """TCP clients at once. In ``threading`` and ``forking``, ``workers`` bounds them too."""
    connections_per_address: _Clients = 16
    """TCP clients at once from one address."""
    idle: _Seconds = 86_400.0
    """Seconds without a byte from a TCP client, after which it is let go."""
    unfinished: _Seconds = 30.0
    """Seconds in which a TCP client must finish a packet that it began."""
    reply_wait: _Seconds = 5.0
    """Seconds that a TCP client may keep a reply waiting."""
    reply_bytes: _Bytes = 4_194_304
    """Bytes of replies that may wait for a TCP client, in ``asyncio``."""

    def packet_limits(self) -> Limits:
        """For a dispatcher."""
        return Limits(
            max_packet_size=self.packet,
            max_depth=self.depth,
            max_type_tags=self.tags,
            max_arguments=self.arguments,
            max_address_length=self.address,
        )

    def stream_limits(self) -> StreamLimits:
        """For a TCP server."""
        return StreamLimits(
            max_packet_size=self.packet,
            max_connections=self.connections,
            max_connections_per_address=self.connections_per_address,
            idle_timeout=self.idle,
            packet_timeout=self.unfinished,
            reply_timeout=self.reply_wait,
            max_reply_bytes=self.reply_bytes,
        )

    def scheduler(self) -> Scheduler:
        """A scheduler that keeps these limits."""
        return Scheduler(self.pending, horizon=self.horizon, too_early=self.beyond)


class BridgeOptions(Options):
    """``[bridge.NAME]``: an OSC server and the routes that read from it."""

    listen: OSCURL = OSCURL("udp", "127.0.0.1", 9000)
    """Where to listen: ``udp://``, ``tcp://`` (OSC 1.1), ``tcp+1.0://`` or ``tcp+auto://``, then
    ``host:port``. A multicast group is joined."""
    mode: Annotated[Mode, AfterValidator(_mode)] = "asyncio"
    """Who runs the handlers: ``asyncio``, ``blocking``, ``threading`` or ``forking``."""
    workers: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Threads or processes that handle messages at once."""
    interface: str = ""
    """Where to join a multicast group: an address (IPv4) or an interface's name (IPv6)."""
    allow: AllowList = AllowList()
    """Networks and addresses that may send, as ``["10.0.0.0/8", "127.0.0.1"]``; without any,
    all may."""
    limits: LimitOptions = LimitOptions()
    """A table of limits, see below."""


def _spool_path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("expected the name of a file, in quotes")
    directory = (info.context or {}).get("directory") or Path()
    try:
        return directory.absolute() / Path(value).expanduser()
    except RuntimeError:
        raise ValueError("there is no such home folder; write the whole path") from None


class SpoolOptions(Options):
    """``[endpoint.NAME.spool]``: the file of the policy ``spool``."""

    path: Annotated[Path, BeforeValidator(_spool_path)] | None = None
    """The file; it is made. A relative path begins at the folder of the configuration."""
    size: Annotated[int, Field(ge=1 << 20, le=1 << 40)] = 100_000_000
    """Bytes that the file may have, about. Beyond, the oldest messages are dropped."""
    age: Annotated[float, Field(ge=1, le=366 * 86_400)] = 604_800.0
    """Seconds after which a message that still waits is dropped."""


class HostOptions(Options):
    """The keys of ``[endpoint.NAME]`` that every type has."""

    policy: Policy | None = None
    """How messages wait: ``drop_oldest``, ``latest`` (one value an address), ``block`` or
    ``spool`` (on disk)."""
    outbox: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Messages that may wait in the outbox."""
    on_start: OnStart | None = None
    """When it cannot be connected at start-up: ``retry``, ``error`` or ``ignore``, which
    leaves it alone until the next reload."""
    spool: SpoolOptions = SpoolOptions()
    """A table about the file of the policy ``spool``, see below."""


class RouteOptions(Options):
    """``[[route]]``: from sources, by a match and steps, to endpoints."""

    sources: Names = Field(alias="from")
    """Bridges and endpoints to read from: a name, or several in a list."""
    match: Annotated[str, AfterValidator(_pattern)] = "*"
    """An address; ``*`` ``?`` ``[a-z]`` ``{a,b}`` match, ``{name}`` captures one part."""
    types: Annotated[str, AfterValidator(_types)] | None = None
    """Type tags that a message must have, as ``"if"``."""
    scale: Annotated[_Range | None, BeforeValidator(_range)] = None
    """Numbers from one range to another: ``[in_low, in_high, out_low, out_high]``, clamped.
    To whole numbers where both outer ones are."""
    curve: Annotated[float, Field(gt=0, le=100)] = 1.0
    """The power to which ``scale`` raises the share of the range."""
    send: str | None = None
    """The message to send instead, as ``"/control 1 {n} {0}"``."""
    function: str | None = None
    """Python that makes the message to send: ``"module:callable"``."""
    on_change: bool = False
    """Whether only changed values pass, an address."""
    limit: Annotated[str | None, BeforeValidator(_rate)] = None
    """Messages a second, an address, as ``"30/s"``: the latest wins, the last arrives."""
    delay: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds to hold messages back."""
    to: Names
    """Endpoints to send to: a name, or several in a list."""
