"""Packets of Art-Net 4 (revision 1.4). Pure.

The library ``stupidArtnet`` is the peer of the tests, not the codec: it opens a socket to make a
packet, and knows no polls.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

import oscbridge
from oscbridge_dmx.frame import SLOTS, DmxFrame

__all__ = ["PORT", "ArtPoll", "NodePort", "decode", "encode_dmx", "encode_poll_reply"]

PORT: Final = 6454
_ID: Final = b"Art-Net\0"
_VERSION: Final = 14
_OP_POLL: Final = 0x2000
_OP_POLL_REPLY: Final = 0x2100
_OP_DMX: Final = 0x5000
_OEM: Final = 0x00FF
"""OemUnknown."""

_HEAD: Final = struct.Struct("<8sH")
_DMX: Final = struct.Struct("<8sH2sBBH2s")
_POLL: Final = struct.Struct(">BB")
_POLL_TARGET: Final = struct.Struct(">HH")
_POLL_REPLY: Final = struct.Struct(">8s2s4s2sHBBHBBH18s64s64sH4s4s4s4s4sBBB3xB6s4sBB4sB6sHHB10x")
_TARGETED: Final = 0x20


class ArtPoll(NamedTuple):
    """A controller asks which nodes there are."""

    bottom: int
    top: int
    """The Port-Addresses that are asked for, both included."""


class NodePort(NamedTuple):
    """A universe of this node, as controllers see it."""

    universe: int
    """The Port-Address: 0 to 32767."""
    is_sent: bool
    """Whether it is sent to the network, not received from it."""
    bind_index: int
    """The number of the port within the node, from 1."""


def encode_dmx(frame: DmxFrame) -> bytes:
    """An ArtDmx packet."""
    size = len(frame.levels).to_bytes(2, "big")
    version = _VERSION.to_bytes(2, "big")
    head = _DMX.pack(_ID, _OP_DMX, version, frame.sequence or 0, 0, frame.universe, size)
    return head + frame.levels


def decode(data: bytes) -> DmxFrame | ArtPoll | None:
    """A packet of levels or a poll; None for others.

    Raises :class:`oscbridge.DecodeError` for other packets.
    """
    if len(data) < _HEAD.size or not data.startswith(_ID):
        raise oscbridge.DecodeError("not_artnet", "it does not begin like a packet of Art-Net")
    code = _HEAD.unpack_from(data)[1]
    if code == _OP_DMX:
        return _decode_dmx(data)
    if code == _OP_POLL:
        return _decode_poll(data)
    return None


def _decode_dmx(data: bytes) -> DmxFrame:
    if len(data) < _DMX.size:
        raise oscbridge.DecodeError("truncated", f"an ArtDmx packet of {len(data)} bytes")
    _, _, version, sequence, physical, universe, length = _DMX.unpack_from(data)
    if int.from_bytes(version, "big") < _VERSION:
        raise oscbridge.DecodeError("version", f"Art-Net of version {int.from_bytes(version)}")
    size = int.from_bytes(length, "big")
    if not 1 <= size <= SLOTS or len(data) < _DMX.size + size:
        text = f"{size} levels announced, {len(data) - _DMX.size} received"
        raise oscbridge.DecodeError("truncated", text)
    levels = data[_DMX.size : _DMX.size + size]
    return DmxFrame(universe & 0x7FFF, levels, sequence or None, physical=physical)


def _decode_poll(data: bytes) -> ArtPoll:
    at = _HEAD.size + 2
    if len(data) < at + _POLL.size:
        raise oscbridge.DecodeError("truncated", f"an ArtPoll packet of {len(data)} bytes")
    flags, _ = _POLL.unpack_from(data, at)
    at += _POLL.size
    if flags & _TARGETED and len(data) >= at + _POLL_TARGET.size:
        top, bottom = _POLL_TARGET.unpack_from(data, at)
        return ArtPoll(bottom, top)
    return ArtPoll(0, 0x7FFF)


def encode_poll_reply(port: NodePort, host: str, udp_port: int, name: str) -> bytes:
    """An ArtPollReply about one port of this node, whose IPv4 address is ``host``."""
    address = socket.inet_aton(host)
    low = bytes((port.universe & 0x0F, 0, 0, 0))
    used, unused = bytes((0x80, 0, 0, 0)), bytes(4)
    kind = bytes((0x40 if port.is_sent else 0x80, 0, 0, 0))
    as_input, as_output = (used, unused) if port.is_sent else (unused, used)
    return _POLL_REPLY.pack(
        _ID,
        _OP_POLL_REPLY.to_bytes(2, "little"),
        address,
        udp_port.to_bytes(2, "little"),
        0,  # version of the firmware
        port.universe >> 8,
        port.universe >> 4 & 0x0F,
        _OEM,
        0,  # no UBEA
        0xD0,  # Status1: indicators normal, addresses not set by the network, no RDM
        0,  # no ESTA code
        name.encode("ascii", "replace")[:17],
        name.encode("ascii", "replace")[:63],
        b"#0001 [0000] oscbridge: ok",  # NodeReport: RcPowerOk
        1,  # one port per reply
        kind,
        as_input,
        as_output,
        low if port.is_sent else unused,
        unused if port.is_sent else low,
        0,
        0,
        0,
        0,  # Style: StNode
        bytes(6),  # no MAC
        address,
        port.bind_index,
        0x08,  # Status2: 15-bit Port-Addresses
        unused,
        0,
        bytes(6),
        0,
        44,
        0,
    )
