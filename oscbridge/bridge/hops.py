"""How many endpoints a message has come through: the end of every ring of routes.

The count belongs to the origin, so the records of origins, on disk and between processes, are
here too.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, cast

from oscbridge.errors import DecodeError
from oscbridge.osc import Argument, Origin

__all__ = ["MAX_HOPS", "TOO_MANY_HOPS", "decode_origin", "encode_origin", "hops_of", "origin_after"]

MAX_HOPS: Final = 8
"""Endpoints that a message may come through, one after another, before it is dropped."""

TOO_MANY_HOPS: Final = f"they passed through more than {MAX_HOPS} endpoints; do routes form a ring?"


class _RelayedOrigin(Origin):
    """The origin of a message that endpoints have passed on.

    It equals the plain :class:`Origin` of the same source and peer.
    """

    hops: int


def hops_of(origin: Origin | None) -> int:
    """Endpoints that a message with this origin came through before its source."""
    return origin.hops if isinstance(origin, _RelayedOrigin) else 0


def origin_after(source: str, peer: Hashable, hops: int) -> Origin:
    """The origin of a message from ``source`` that came through ``hops`` endpoints before."""
    if not hops:
        return Origin(source, peer)
    origin = _RelayedOrigin(source, peer)
    origin.hops = hops
    return origin


def encode_origin(origin: Origin | None) -> Argument:
    """Source, hops and peer: a socket address, text, a number, or None for anything else."""
    if origin is None:
        return None
    peer: Argument = None
    match origin.peer:
        case tuple(parts) if all(isinstance(part, str | int) for part in parts):
            peer = list(parts)
        case str() | int():
            peer = origin.peer
    return [origin.source, hops_of(origin), peer]


def decode_origin(value: Argument) -> Origin | None:
    """The origin from :func:`encode_origin`. Raises :class:`~oscbridge.errors.DecodeError`."""
    match value:
        case None:
            return None
        case [str(source), int(hops), list(parts)] if all(isinstance(p, str | int) for p in parts):
            return origin_after(source, tuple(cast(list[str | int], parts)), hops)
        case [str(source), int(hops), None | str() | int() as peer]:
            return origin_after(source, peer, hops)
    raise DecodeError("record", f"not a valid origin: {value!r}")
