"""What a client asks for by the query of its URL: ``?format=json&frame_rate=60``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from oscbridge_websocket.frames import FrameFormat
from oscbridge_websocket.options import MAX_FRAME_RATE, MIN_FRAME_RATE, WebSocketOptions
from oscbridge_websocket.rejection import BAD_REQUEST, Rejection, shorten

__all__ = ["ClientOptions", "parse_client_options"]

MAX_SHOWN: Final = 24
"""Characters of a value that are sent back."""


class ClientOptions(NamedTuple):
    """How a client wants its messages."""

    format: FrameFormat
    snapshot: bool
    frame_rate: float
    """Frames per second at most; 0 without a limit."""
    latest: bool
    """Whether only the newest value per address is sent in a frame."""


def parse_client_options(
    query: Mapping[str, str], options: WebSocketOptions, *, json: bool | None
) -> ClientOptions | Rejection:
    """``json`` is what the subprotocol says; None where the client has not selected any."""
    try:
        if json is None:
            json = _format(query.get("format", "binary"))
        bundles = _flag(query, "bundles", default=True)
        binary = FrameFormat.BUNDLES if bundles else FrameFormat.MESSAGES
        return ClientOptions(
            FrameFormat.JSON if json else binary,
            _flag(query, "snapshot", default=options.snapshot),
            _frame_rate(query.get("frame_rate"), options.frame_rate),
            _flag(query, "latest", default=options.latest),
        )
    except ValueError as error:
        return Rejection(BAD_REQUEST, str(error))


def _format(text: str) -> bool:
    """Whether it is JSON."""
    if text.lower() not in ("json", "binary"):
        raise ValueError(f"unknown format {shorten(text, MAX_SHOWN)!r}; available: json, binary")
    return text.lower() == "json"


def _flag(query: Mapping[str, str], key: str, *, default: bool) -> bool:
    return query.get(key, str(int(default))) != "0"


def _frame_rate(text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if rate != 0 and not MIN_FRAME_RATE <= rate <= MAX_FRAME_RATE:  # also for "nan"
        shown = shorten(text, MAX_SHOWN)
        limits = f"from {MIN_FRAME_RATE:g} to {MAX_FRAME_RATE:g}"
        raise ValueError(f"frame_rate {shown!r} must be a number {limits}, or 0 for no limit")
    return rate
