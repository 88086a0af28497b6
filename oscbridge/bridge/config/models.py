"""The models of the configuration: every key with its type, its default and its meaning."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.endpoint import OnStart, Policy
from oscbridge.errors import DecodeError, PatternError
from oscbridge.net.allowlist import AllowList
from oscbridge.net.host_name import check_interface
from oscbridge.net.url import OSCURL
from oscbridge.options import Options
from oscbridge.osc import Limits, Pattern
from oscbridge.osc.arguments import layout
from oscbridge.osc.conversion import LARGEST_FLOAT
from oscbridge.osc.pattern import with_stars
from oscbridge.server.connection_limits import StreamLimits

__all__ = ["BridgeOptions", "HostOptions", "LimitOptions", "Mode", "RouteOptions", "SpoolOptions"]

SLOWEST: Final = 0.001
FASTEST: Final = 1_000_000
"""Range of ``limit``, in messages per second."""

MAX_LET: Final = 32
"""Names in ``let`` of one route."""

_Number = int | float  # a whole number stays whole: the type of the result depends on it
_Range = tuple[_Number, _Number, _Number, _Number]
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?/s")

Mode = Literal["asyncio", "blocking", "threading", "forking"]


def _pattern(value: str) -> str:
    if not with_stars(value).startswith(("/", "*")):
        raise ValueError("an address pattern must start with '/' or '*'")
    try:
        pattern = Pattern(value, mapped=True)
    except PatternError as error:
        raise ValueError(str(error).removeprefix(f"{value!r}: ")) from None
    if pattern.impossible:
        raise ValueError(f"matches no address: {pattern.impossible} matches no character")
    return value


def _names(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if not (isinstance(names, list | tuple) and names and all(isinstance(n, str) for n in names)):
        raise ValueError('expected a name in quotes, or a list of names: ["one", "two"]')
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise ValueError(f"duplicate name {duplicates[0]!r}")
    return tuple(names)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


def _mode(value: Mode) -> Mode:
    if value == "forking" and not hasattr(os, "fork"):
        raise ValueError("not available on this system; use 'threading'")
    return value


def _rate(value: object) -> object:
    if (
        not isinstance(value, str)
        or not _RATE.fullmatch(value)
        or not SLOWEST <= float(value[:-2]) <= FASTEST
    ):
        raise ValueError('expected messages per second, e.g. "30/s"')
    return value


def _types(value: str) -> str:
    if value.startswith(","):
        raise ValueError(f"must not start with a comma; write {value[1:]!r}")
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
        raise ValueError("the numbers must be finite and fit 32 bits")
    if numbers[0] == numbers[1]:
        raise ValueError("in_low and in_high must differ")
    if all(type(n) is int for n in numbers[2:]) and not all(abs(n) < 1 << 31 for n in numbers[2:]):
        raise ValueError("whole numbers must fit 32 bits; write a float, e.g. 1e10")
    return tuple(numbers)


SPOOL_AGE: Final = 604_800.0
"""Default of ``max_age`` with the policy ``spool``, in seconds."""

_Bytes = Annotated[int, Field(ge=16, le=256 << 20)]
_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Connections = Annotated[int, Field(ge=1, le=10_000)]
_Seconds = Annotated[float, Field(ge=0.1, le=30 * 86_400)]


class LimitOptions(Options):
    """``[bridge.NAME.limits]``: how much a bridge accepts. What exceeds a limit is counted."""

    renamed_keys: ClassVar[Mapping[str, str]] = {
        "packet": "max_packet_size",
        "depth": "max_depth",
        "tags": "max_type_tags",
        "arguments": "max_arguments",
        "address": "max_address_length",
        "calls": "max_route_calls",
        "pending": "max_pending",
        "beyond": "too_early",
        "connections": "max_connections",
        "connections_per_address": "max_connections_per_address",
        "idle": "idle_timeout",
        "unfinished": "packet_timeout",
        "reply_wait": "reply_timeout",
        "reply_bytes": "max_reply_bytes",
    }

    max_packet_size: _Bytes = 1_048_576
    """Bytes per packet. UDP carries at most 65,535."""
    max_depth: Annotated[int, Field(ge=1, le=100)] = 16
    """Levels of bundles within bundles, and of arrays within arrays."""
    max_type_tags: _Count = 16_384
    """Type tags per message, including brackets."""
    max_arguments: _Count = 16_384
    """Arguments per message, including those within arrays."""
    max_address_length: Annotated[int, Field(ge=1, le=65_535)] = 512
    """Bytes per address."""
    max_route_calls: _Count = 16_384
    """Route calls per bundle: the sum over all its messages."""
    max_pending: _Count = 10_000
    """Messages that wait for their time tags."""
    horizon: Annotated[float, Field(ge=0, le=30 * 86_400)] = 10.0
    """Seconds that a time tag may lie in the future. A message that is more than 2 s ahead is
    logged."""
    too_early: Literal["run", "drop"] = "run"
    """What happens to messages that exceed ``max_pending`` or ``horizon``: ``run`` (they are
    handled at once) or ``drop``."""
    max_connections: _Connections = 256
    """Simultaneous TCP clients. In ``threading`` and ``forking``, ``workers`` limits them too."""
    max_connections_per_address: _Connections = 16
    """Simultaneous TCP clients per address."""
    idle_timeout: _Seconds = 86_400.0
    """Seconds without data after which a TCP client is disconnected."""
    packet_timeout: _Seconds = 30.0
    """Seconds within which a TCP client must complete a packet."""
    reply_timeout: _Seconds = 5.0
    """Seconds within which a TCP client must accept a reply."""
    max_reply_bytes: _Bytes = 4_194_304
    """Bytes of replies that wait for a TCP client, in ``asyncio``."""

    def packet_limits(self) -> Limits:
        """The limits of a dispatcher."""
        return Limits(
            max_packet_size=self.max_packet_size,
            max_depth=self.max_depth,
            max_type_tags=self.max_type_tags,
            max_arguments=self.max_arguments,
            max_address_length=self.max_address_length,
        )

    def stream_limits(self) -> StreamLimits:
        """The limits of a TCP server."""
        return StreamLimits(
            max_packet_size=self.max_packet_size,
            max_connections=self.max_connections,
            max_connections_per_address=self.max_connections_per_address,
            idle_timeout=self.idle_timeout,
            packet_timeout=self.packet_timeout,
            reply_timeout=self.reply_timeout,
            max_reply_bytes=self.max_reply_bytes,
        )

    def scheduler(self) -> Scheduler:
        """A scheduler with these limits."""
        return Scheduler(self.max_pending, horizon=self.horizon, too_early=self.too_early)


class BridgeOptions(Options):
    """``[bridge.NAME]``: an OSC server and the routes that read from it."""

    listen: OSCURL = OSCURL("udp", "127.0.0.1", 9000)
    """Where to listen: ``udp://``, ``tcp://`` (OSC 1.1), ``tcp+1.0://`` or ``tcp+auto://``, then
    ``host:port``. ``[::]`` and ``*`` are all addresses of this machine, IPv6 and IPv4, and
    ``0.0.0.0`` its IPv4 addresses. A multicast group is joined."""
    mode: Annotated[Mode, AfterValidator(_mode)] = "asyncio"
    """How messages are handled: ``asyncio``, ``blocking``, ``threading`` or ``forking``."""
    on_start: Literal["error", "retry"] = "error"
    """What happens when it cannot listen at startup, e.g. because the network is not up yet:
    ``error`` (the program ends) or ``retry``."""
    workers: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Simultaneous threads or processes, in ``threading`` and ``forking``."""
    interface: Annotated[str, AfterValidator(check_interface)] = ""
    """Where to join a multicast group: the address (IPv4) or name (IPv6) of an interface."""
    allow: AllowList = AllowList()
    """Networks and addresses that may send, e.g. ``["10.0.0.0/8", "127.0.0.1"]``; if empty,
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
        raise ValueError("unknown home directory; write the absolute path") from None


class SpoolOptions(Options):
    """``[endpoint.NAME.spool]``: the file of the policy ``spool``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"size": "max_size"}
    moved_keys: ClassVar[Mapping[str, str]] = {"age": "max_age", "max_age": "max_age"}

    path: Annotated[Path, BeforeValidator(_spool_path)] | None = None
    """The file; it is created if missing. A relative path starts at the directory of the
    configuration file."""
    max_size: Annotated[int, Field(ge=1 << 20, le=1 << 40)] = 100_000_000
    """Approximate size of the file in bytes. When it is full, the oldest messages are dropped."""


class HostOptions(Options):
    """The keys of ``[endpoint.NAME]`` that every type has."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"outbox": "queue"}

    policy: Policy | None = None
    """What happens when the send queue is full: ``drop_oldest``, ``latest`` (keep one value per
    address), ``block`` or ``spool`` (wait on disk)."""
    queue: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Size of the send queue, in messages."""
    on_start: OnStart | None = None
    """What happens when the connection fails at startup: ``retry``, ``error`` or ``ignore``, which
    leaves the endpoint disconnected until the next reload."""
    max_age: Annotated[float, Field(ge=0.01, le=366 * 86_400)] | None = None
    """Seconds after which a waiting message is dropped as ``expired``. Without it messages wait
    for any time; with the policy ``spool`` for 604800 s, which is 7 days, of running time. With
    less than 10 minutes, messages that an earlier run left in the spool expire at the start."""
    stall_timeout: Annotated[float, Field(gt=0, le=86_400)] = 5.0
    """Seconds after which a send that is still in progress is logged, and the endpoint not ready.
    No effect with the policy ``block``, where a slow endpoint slows its sources by design."""
    spool: SpoolOptions = SpoolOptions()
    """A table about the file of the policy ``spool``, see below."""


class RouteOptions(Options):
    """``[[route]]``: from sources, by a match and steps, to endpoints."""

    sources: Names = Field(alias="from")
    """Bridges and endpoints to read from: a name, or a list of names."""
    enabled: bool = True
    """Whether the route gets messages. A disabled one is checked, and keeps its number."""
    match: Annotated[str, AfterValidator(_pattern)] = "*"
    """An address; ``*`` ``?`` ``[a-z]`` ``{a,b}`` match, ``{name}`` captures one part."""
    types: Annotated[str, AfterValidator(_types)] | None = None
    """Type tags that a message must have, e.g. ``"if"``."""
    let: Annotated[dict[str, str], Field(max_length=MAX_LET)] | None = None
    """Names for expressions that ``when``, ``send`` and later ones use, e.g.
    ``{ db = "-90 + 100 * x" }``."""
    when: str | None = None
    """The condition, an expression, e.g. ``"x > 0.5"``: other messages do not pass."""
    scale: Annotated[_Range | None, BeforeValidator(_range)] = None
    """Maps numbers from one range to another: ``[in_low, in_high, out_low, out_high]``, clamped.
    The result is a whole number if both output limits are."""
    curve: Annotated[float, Field(gt=0, le=100)] = 1.0
    """The exponent that ``scale`` applies to the position within the range."""
    send: str | None = None
    """The message to send instead, e.g. ``"/control 1 {n} {0}"``. ``{= x * 2 : i}`` is an
    expression."""
    function: str | None = None
    """A Python function that returns the message to send: ``"module:callable"``."""
    on_change: bool = False
    """Whether only changed values pass, per address."""
    limit: Annotated[str | None, BeforeValidator(_rate)] = None
    """Messages per second per address, e.g. ``"30/s"``: the latest wins, the last arrives."""
    delay: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds by which messages are delayed."""
    to: Names
    """Endpoints to send to: a name, or a list of names."""
