"""The keys of endpoints with ``type = "sacn"`` and ``type = "artnet"``."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated, ClassVar, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

import oscbridge
from oscbridge_dmx import artnet_packets, sacn_packets
from oscbridge_dmx.frame import SLOTS
from oscbridge_dmx.levels import ValueType
from oscbridge_dmx.output import MAX_FRAME_RATE

__all__ = ["BROADCAST", "MULTICAST", "ArtnetOptions", "DmxOptions", "SacnOptions", "parse_target"]

MULTICAST = "multicast"
BROADCAST = "broadcast"


def parse_target(text: str, port: int) -> oscbridge.HostPort:
    """Where ``to`` sends: ``host``, ``host:port`` or ``broadcast``. Raises ``ValueError``."""
    if text == BROADCAST:
        return oscbridge.HostPort("255.255.255.255", port)
    if ":" in text:
        target = oscbridge.HostPort.parse(text)
        oscbridge.check_host(target.host)
        return target
    return oscbridge.HostPort(oscbridge.check_host(text), port)


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Targets: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(_several, json_schema_input_type=str | list[str]),
    Field(max_length=64),
]
Channel: TypeAlias = Annotated[int, Field(ge=1, le=SLOTS - 1)]


MAX_SHOWN: Final = 4
"""Universes that are shown by number."""


class DmxOptions(oscbridge.Options):
    """The keys of both types."""

    universes: ClassVar[range]
    """The numbers that a universe of the protocol may have."""
    has_groups: ClassVar[bool] = False
    """Whether each universe has a multicast group."""

    port: Annotated[int, Field(ge=1, le=65_535)]
    """The UDP port of the protocol, for sending and receiving."""
    receive: Annotated[tuple[int, ...], Field(max_length=64)] = ()
    """The universes to receive, at most 64."""
    to: Annotated[Targets, Field(validate_default=True)] = ()
    """Where to send: a host, ``host:port``, ``broadcast``, for sACN ``multicast``, or a list."""
    interface: IPv4Address | None = None
    """The address of this machine on the network of the lights, for multicast, and for sending;
    by default the system chooses."""
    allow: oscbridge.AllowList = oscbridge.AllowList()
    """The networks and addresses of accepted senders; all by default."""
    values: ValueType = "float"
    """Received levels: ``float`` is 0 to 1, ``int`` is 0 to 255, and ``blob`` is one message per
    universe with all levels as bytes."""
    fine: Mapping[int, tuple[Channel, ...]] = {}
    """By universe, channels that are one value of 16 bits with the channel after them:
    ``{ 1 = [3, 5] }``."""
    out_of_range: Literal["clamp", "refuse"] = "clamp"
    """Whether a value out of range is clamped, or its message refused."""
    on_stop: Literal["hold", "blackout"] = "hold"
    """The last levels that are sent: the current ones, or 0."""
    max_frame_rate: Annotated[float, Field(ge=1, le=MAX_FRAME_RATE)] = MAX_FRAME_RATE
    """The most packets per second and universe, 1 to 44."""
    max_universes: Annotated[int, Field(ge=1, le=1_000)] = 64
    """The most universes that are sent. Messages for others are refused."""
    max_sources: Annotated[int, Field(ge=1, le=1_000)] = 16
    """The most sources per received universe. Others are refused."""

    @property
    def description(self) -> str:
        """Where it sends, and what it receives."""
        parts = [f"to {', '.join(self.to)}"] if self.to else []
        if self.receive:
            numbers, count = ", ".join(map(str, self.receive)), len(self.receive)
            universes = f"{count} universes" if count > MAX_SHOWN else f"universe {numbers}"
            parts.append(f"{universes} on port {self.port}")
        return "; ".join(parts)

    @field_validator("receive", "fine")
    @classmethod
    def _in_range(cls, universes: Mapping[int, object] | tuple[int, ...]) -> object:
        for universe in universes:
            if universe not in cls.universes:
                limits = f"{cls.universes.start} to {cls.universes.stop - 1}"
                raise ValueError(f"universe {universe} must be {limits}")
        return universes

    @field_validator("fine")
    @classmethod
    def _apart(cls, fine: Mapping[int, tuple[int, ...]]) -> Mapping[int, tuple[int, ...]]:
        for universe, channels in fine.items():
            for channel in channels:
                if channel + 1 in channels:
                    text = f"channels {channel} and {channel + 1} of universe {universe} overlap"
                    raise ValueError(f"{text}; name the first channel of each pair only")
        return fine

    @field_validator("to")
    @classmethod
    def _somewhere(cls, to: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not to and info.data.get("receive") == ():
            example = MULTICAST if cls.has_groups else "192.168.1.50"
            raise ValueError(f'set to = "{example}" to send, receive = [1] to receive, or both')
        for text in to:
            if text != MULTICAST:
                parse_target(text, 1)
            elif not cls.has_groups:
                raise ValueError("multicast is for sACN only; name a host, or use broadcast")
        return to


class SacnOptions(DmxOptions):
    """The keys of an endpoint with ``type = "sacn"``."""

    universes = range(1, 64_000)
    has_groups = True

    port: Annotated[int, Field(ge=1, le=65_535)] = sacn_packets.PORT
    """The UDP port of the protocol, for sending and receiving."""
    priority: Annotated[int, Field(ge=0, le=200)] = 100
    """The priority of sent data, 0 to 200: receivers use the source with the highest one."""
    preview: bool = False
    """Whether packets are sent as a preview, not for live use; and whether previews are received
    as well."""
    source_name: Annotated[str, Field(min_length=1, max_length=63)] = "oscbridge"
    """The name by which receivers show this source."""
    cid: UUID | None = None
    """The identity of this source for receivers; by default made from the name of the endpoint, the
    name of the machine and its MAC address."""
    max_hops: Annotated[int, Field(ge=0, le=255)] = 1
    """Hop limit (TTL) of multicast packets; 1 keeps them within the local network."""


class ArtnetOptions(DmxOptions):
    """The keys of an endpoint with ``type = "artnet"``."""

    universes = range(32_768)

    port: Annotated[int, Field(ge=1, le=65_535)] = artnet_packets.PORT
    """The UDP port of the protocol, for sending and receiving."""
    node_name: Annotated[str, Field(min_length=1, max_length=63)] = "oscbridge"
    """The name by which controllers show this node."""
