"""An address with its last message, as it is sent to a page."""

from __future__ import annotations

from collections.abc import Sequence

from oscbridge_ui.protocol_base import ProtocolModel, Scalar

__all__ = ["Described", "ValueRow"]


class Described(ProtocolModel):
    """The facts about an address beside its values."""

    text: str = ""
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: Sequence[Scalar] = ()


class ValueRow(ProtocolModel):
    """One address, with its last message."""

    address: str
    types: str
    args: Sequence[Scalar]
    """The values; a blob is hexadecimal, a colour ``#rrggbbaa``."""
    cut: bool
    """Whether there are more values, or longer ones."""
    count: int
    """Messages since it was first seen."""
    time: float
    """Unix time of the last message; 0 if there was none."""
    received: bool
    """Whether this address was received; otherwise a route has made it from another one."""
    sources: Sequence[str]
    sinks: Sequence[str]
    """Endpoints that have sent messages with this address."""
    receivers: Sequence[str]
    """Endpoints that routes lead its messages to, also with another address."""
    peer: str
    described: Described | None
