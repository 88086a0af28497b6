"""Messages as the frames that a client gets."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import oscbridge
from oscbridge import encode_json

__all__ = ["Format", "Frame", "make_frames"]

MAX_BUNDLE: Final = 65_000
"""Bytes of a bundle that several messages are sent in."""

COMMON_TYPES: Final = "ifsbhtdTFNI"
"""Type tags that every client reads. osc-js knows no others; osc.js no nested arrays."""


class Format(enum.Enum):
    """How a client wants its messages."""

    BUNDLES = "binary, several messages that came together as a bundle"
    MESSAGES = "binary, one message a frame"
    JSON = "JSON, one message a frame"


class Frame(NamedTuple):
    """What is sent to a client as one WebSocket message."""

    data: bytes
    messages: int
    """How many OSC messages it holds."""


def make_frames(
    messages: Sequence[oscbridge.Message], form: Format, on_drop: Callable[[int], None]
) -> list[Frame]:
    """The frames for some messages. ``on_drop`` is told of those that cannot be encoded."""
    encode = encode_json if form is Format.JSON else oscbridge.encode_message
    encoded = []
    for message in messages:
        try:
            encoded.append((encode(message), _is_common(message.types)))
        except oscbridge.EncodeError:
            on_drop(1)
    if form is Format.BUNDLES:
        return list(_bundles(encoded))
    return [Frame(data, 1) for data, _ in encoded]


def _is_common(types: str | None) -> bool:
    """Whether every client reads a message with these type tags."""
    return types is not None and not types.strip(COMMON_TYPES)


def _bundles(encoded: Iterable[tuple[bytes, bool]]) -> Iterator[Frame]:
    """Encoded messages as few packets, in order: one as it is, several as a bundle.

    What not every client reads travels alone: a bundle with it would be lost as a whole.
    """
    bundle: list[bytes] = []
    size = 0
    for data, common in encoded:
        if bundle and (not common or size + len(data) + 4 > MAX_BUNDLE):
            yield _bundle(bundle)
            bundle, size = [], 0
        if common:
            bundle.append(data)
            size += len(data) + 4
        else:
            yield Frame(data, 1)
    if bundle:
        yield _bundle(bundle)


def _bundle(encoded: Sequence[bytes]) -> Frame:
    data = encoded[0] if len(encoded) == 1 else oscbridge.encode_bundle(encoded)
    return Frame(data, len(encoded))
