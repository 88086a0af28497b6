"""Messages as WebSocket frames."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from struct import Struct
from typing import Final, NamedTuple

import oscbridge

__all__ = [
    "DROP_REASONS",
    "FrameFormat",
    "OutgoingFrame",
    "encode_messages",
    "encode_osc",
    "make_frames",
    "pack_bundles",
    "serialize",
]

MAX_BUNDLE: Final = 65_000
"""The size of a bundle of several messages, in bytes."""

DROP_REASONS: Final = {
    "disconnected": "a client disconnected before they were sent",
    "encode": "not encodable in a client's format",
    "frame_rate": "more than max_client_queue messages within one frame of a client",
    "replaced": "replaced by a newer one within one frame",
    "slow_client": "a client reads too slowly",
}
"""Reasons why a client misses messages, for the log."""

COMMON_TYPES: Final = "ifsbhtdTFNI"
"""Type tags that every client can read. osc-js knows no others; osc.js no nested arrays."""


class FrameFormat(enum.Enum):
    """The frames that a client asked for."""

    BUNDLES = "binary, messages that arrive together in one bundle"
    MESSAGES = "binary, one message per frame"
    JSON = "JSON, one message per frame"


class OutgoingFrame(NamedTuple):
    """One WebSocket message to a client."""

    data: bytes
    messages: int
    """The number of OSC messages in it."""


def make_frames(
    messages: Sequence[oscbridge.Message],
    frame_format: FrameFormat,
    on_drop: Callable[[int], None],
) -> list[OutgoingFrame]:
    """Encode messages. ``on_drop`` is called with a number of messages that cannot be encoded."""
    found = encode_messages(messages, frame_format, on_drop)
    if frame_format is FrameFormat.BUNDLES and _has_forwarded_tag(messages):
        return list(_pack_tagged(found))
    encoded = [(data, is_common) for _, data, is_common in found]
    if frame_format is FrameFormat.BUNDLES:
        return list(pack_bundles(encoded))
    return [OutgoingFrame(data, 1) for data, _ in encoded]


def encode_messages(
    messages: Sequence[oscbridge.Message],
    frame_format: FrameFormat,
    on_drop: Callable[[int], None],
) -> Iterator[tuple[oscbridge.Message, bytes, bool]]:
    """Encode messages, each for itself. Yields whether every client can read it, too."""
    encode = oscbridge.encode_json if frame_format is FrameFormat.JSON else encode_osc
    for message in messages:
        try:
            yield message, encode(message), _is_common(message.types)
        except oscbridge.EncodeError:
            on_drop(1)


encode_osc: Final = partial(oscbridge.encode_message, utf8=True)  # as browsers read it


def _is_common(types: str | None) -> bool:
    """Whether every client can read a message with these type tags."""
    return types is not None and not types.strip(COMMON_TYPES)


def pack_bundles(
    encoded: Iterable[tuple[bytes, bool]], max_size: int = MAX_BUNDLE, *, always: bool = False
) -> Iterator[OutgoingFrame]:
    """Pack encoded messages into as few packets as possible, in order.

    ``always`` makes a bundle of a single message as well.

    A message that some clients cannot read gets its own packet: those clients would discard the
    entire bundle around it.
    """
    bundle: list[bytes] = []
    size = 0
    for data, common in encoded:
        if bundle and (not common or size + len(data) + 4 > max_size):
            yield _bundle(bundle, always)
            bundle, size = [], 0
        if common:
            bundle.append(data)
            size += len(data) + 4
        else:
            yield OutgoingFrame(data, 1)
    if bundle:
        yield _bundle(bundle, always)


def serialize(data: bytes, *, text: bool) -> bytes:
    """A WebSocket frame of a server, complete and not masked (RFC 6455, section 5.2)."""
    size = len(data)
    if size < 126:
        return (_SMALL_TEXT if text else _SMALL_BINARY)[size] + data
    first = _TEXT if text else _BINARY
    if size < 1 << 16:
        return _MEDIUM.pack(first, 126, size) + data
    return _LARGE.pack(first, 127, size) + data


_TEXT: Final = 0x81
_BINARY: Final = 0x82
"""The first bytes: a whole message."""
_SMALL_TEXT: Final = tuple(bytes((_TEXT, size)) for size in range(126))
_SMALL_BINARY: Final = tuple(bytes((_BINARY, size)) for size in range(126))
_MEDIUM: Final = Struct("!BBH")
_LARGE: Final = Struct("!BBQ")


def _bundle(encoded: Sequence[bytes], always: bool) -> OutgoingFrame:
    data = encoded[0] if len(encoded) == 1 and not always else oscbridge.encode_bundle(encoded)
    return OutgoingFrame(data, len(encoded))


@dataclass(slots=True)
class _TaggedRun:
    """Messages with one forwarded tag, or between those without any."""

    timetag: oscbridge.TimeTag | None = None
    encoded: list[tuple[bytes, bool]] = field(default_factory=list)
    size: int = 0

    def frames(self) -> Iterator[OutgoingFrame]:
        if self.timetag is None:
            return pack_bundles(self.encoded)
        data = oscbridge.encode_bundle([data for data, _ in self.encoded], self.timetag)
        return iter((OutgoingFrame(data, len(self.encoded)),))


def _has_forwarded_tag(messages: Sequence[oscbridge.Message]) -> bool:
    """Whether a message has a time tag that is handed on."""
    for message in messages:
        if message.timetag is not None and isinstance(message.timetag, oscbridge.ForwardedTag):
            return True
    return False


def _pack_tagged(
    encoded: Iterable[tuple[oscbridge.Message, bytes, bool]],
) -> Iterator[OutgoingFrame]:
    """Pack encoded messages; those of one bundle with one forwarded tag into a bundle with it.

    A message that some clients cannot read gets its own bundle.
    """
    runs: list[_TaggedRun] = []
    tagged: dict[tuple[bytes, int], _TaggedRun] = {}  # the last of each
    for message, data, is_common in encoded:
        tag = message.timetag
        if not isinstance(tag, oscbridge.ForwardedTag):
            if not runs or runs[-1].timetag is not None:
                runs.append(_TaggedRun())
            runs[-1].encoded.append((data, is_common))
            continue
        run = tagged.get((tag.group, int(tag))) if is_common else None
        if run is None or run.size + len(data) + 4 > MAX_BUNDLE:
            run = _TaggedRun(oscbridge.TimeTag(tag))
            runs.append(run)
            if is_common:
                tagged[tag.group, int(tag)] = run
        run.encoded.append((data, is_common))
        run.size += len(data) + 4
    for run in runs:
        yield from run.frames()
