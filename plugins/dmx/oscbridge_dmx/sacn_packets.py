"""Packets of sACN: ANSI E1.31-2018, sections 4 to 8. Pure.

The library ``sacn`` is the peer of the tests, not the codec: it reads truncated packets, and those
of other protocols, as 512 levels, and needs more than a hundred times as long for each.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import oscbridge
from oscbridge_dmx.frame import SLOTS, DmxFrame

__all__ = [
    "DISCOVERY_UNIVERSE",
    "PORT",
    "decode_data",
    "encode_data",
    "encode_discovery",
    "group_of",
]

PORT: Final = 5568
DISCOVERY_UNIVERSE: Final = 64_214
"""Its group receives the lists of universes (section 12.1)."""

_NAME: Final = 64
"""Bytes of the name of a source, with the NUL at its end."""

_ROOT: Final = struct.Struct("!HH12sHI16s")
_FRAMING: Final = struct.Struct("!HI64sBHBBH")
_DMP: Final = struct.Struct("!HBBHHHB")
_DISCOVERY: Final = struct.Struct("!HI64sI HIBB")

_PREAMBLE: Final = (0x10, 0, b"ASC-E1.17\0\0\0")
_START: Final = struct.pack("!HH12s", *_PREAMBLE)
_ROOT_DATA: Final = 4
_ROOT_EXTENDED: Final = 8
_FRAMING_DATA: Final = 2
_DMP_HEAD: Final = (2, 0xA1, 0, 1)
"""Set property; addresses and data; the first address; the distance between two."""

_PREVIEW: Final = 0x80
_TERMINATED: Final = 0x40
_HEAD: Final = _ROOT.size + _FRAMING.size + _DMP.size
_MAX_DISCOVERED: Final = 512
"""Universes of one page of a list."""


def group_of(universe: int) -> str:
    """The multicast group of a universe (section 9.3.1)."""
    return f"239.255.{universe >> 8}.{universe & 0xFF}"


def _flags(size: int) -> int:
    """The flags and the length of a layer with this many bytes."""
    return 0x7000 | size


def encode_data(frame: DmxFrame, cid: bytes, name: str) -> bytes:
    """A data packet with 512 levels (section 4.1, table 4-1). ``name`` may be cut off."""
    options = _PREVIEW * frame.is_preview | _TERMINATED * frame.is_last
    size = _HEAD + len(frame.levels)
    root = _ROOT.pack(*_PREAMBLE, _flags(size - 16), _ROOT_DATA, cid)
    framing = _FRAMING.pack(
        _flags(size - _ROOT.size),
        _FRAMING_DATA,
        _encode_name(name),
        frame.priority,
        0,  # no synchronisation
        frame.sequence or 0,
        options,
        frame.universe,
    )
    dmp_size = size - _ROOT.size - _FRAMING.size
    dmp = _DMP.pack(_flags(dmp_size), *_DMP_HEAD, len(frame.levels) + 1, 0)
    return root + framing + dmp + frame.levels


def _encode_name(name: str) -> bytes:
    return name.encode()[: _NAME - 1].decode(errors="ignore").encode()


def decode_data(data: bytes) -> tuple[bytes, DmxFrame] | None:
    """The sender's CID and the frame of a data packet.

    None for the other packets of E1.31, and for other start codes than 0: text, RDM, priorities.
    Raises :class:`oscbridge.DecodeError` for other packets.
    """
    if len(data) < _ROOT.size or not data.startswith(_START):
        raise oscbridge.DecodeError("not_sacn", "it does not begin like a packet of E1.31")
    *_, vector, cid = _ROOT.unpack_from(data)
    if vector == _ROOT_EXTENDED:
        return None
    if vector != _ROOT_DATA:
        raise oscbridge.DecodeError("vector", f"unknown vector {vector} of the root layer")
    if len(data) < _HEAD:
        raise oscbridge.DecodeError("truncated", f"a data packet of {len(data)} bytes")
    framing = _FRAMING.unpack_from(data, _ROOT.size)
    _, framing_vector, _, priority, _, sequence, options, universe = framing
    _, *dmp_head, count, start_code = _DMP.unpack_from(data, _ROOT.size + _FRAMING.size)
    if framing_vector != _FRAMING_DATA or tuple(dmp_head) != _DMP_HEAD:
        raise oscbridge.DecodeError("vector", "not a data packet of DMX levels")
    if not 1 <= count <= SLOTS + 1 or len(data) < _HEAD - 1 + count:
        text = f"{count} values announced, {len(data) - _HEAD + 1} received"
        raise oscbridge.DecodeError("truncated", text)
    if priority > 200:
        raise oscbridge.DecodeError("priority", f"priority {priority}, more than 200")
    is_last, is_preview = bool(options & _TERMINATED), bool(options & _PREVIEW)
    if start_code and not is_last:
        return None
    levels = data[_HEAD : _HEAD - 1 + count]
    return cid, DmxFrame(universe, levels, sequence, priority, is_last, is_preview)


def encode_discovery(universes: Sequence[int], cid: bytes, name: str) -> list[bytes]:
    """The pages of a list of the universes of a source (section 8)."""
    universes = sorted(universes)
    starts = range(0, len(universes), _MAX_DISCOVERED)
    pages = [universes[start : start + _MAX_DISCOVERED] for start in starts]
    packets: list[bytes] = []
    for number, page in enumerate(pages):
        size = _ROOT.size + _DISCOVERY.size + 2 * len(page)
        root = _ROOT.pack(*_PREAMBLE, _flags(size - 16), _ROOT_EXTENDED, cid)
        rest = size - _ROOT.size
        head = (_flags(rest), 2, _encode_name(name), 0, _flags(rest - 74), 1)
        discovery = _DISCOVERY.pack(*head, number, len(pages) - 1)
        packets.append(root + discovery + struct.pack(f"!{len(page)}H", *page))
    return packets
