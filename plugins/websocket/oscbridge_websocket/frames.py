"""Messages as WebSocket frames."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import oscbridge
from oscbridge import encode_json

__all__ = [
    "DROP_REASONS",
    "FrameFormat",
    "OutgoingFrame",
    "encode_messages",
    "make_frames",
    "pack_bundles",
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
    encode = encode_json if frame_format is FrameFormat.JSON else _encode_osc
    for message in messages:
        try:
            yield message, encode(message), _is_common(message.types)
        except oscbridge.EncodeError:
            on_drop(1)


_encode_osc: Final = partial(oscbridge.encode_message, utf8=True)  # as browsers read it


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


def _bundle(encoded: Sequence[bytes], always: bool) -> OutgoingFrame:
    data = encoded[0] if len(encoded) == 1 and not always else oscbridge.encode_bundle(encoded)
    return OutgoingFrame(data, len(encoded))
