"""How much is known about addresses: for the status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oscbridge.bridge.addresses.space import AddressSpace

__all__ = ["AddressCounts", "read_addresses"]


@dataclass(frozen=True)
class AddressCounts:
    """Numbers of addresses."""

    known: Mapping[str, int] = field(default_factory=dict)
    """Those of all bridges and endpoints, by origin."""
    ignored: Mapping[str, int] = field(default_factory=dict)
    """Entries left out or cut because of limits, by reason."""


def read_addresses(space: AddressSpace) -> AddressCounts:
    """The numbers as they are now; nothing while nobody has asked for addresses."""
    if not space.is_used:
        return AddressCounts()
    known = {origin.name.lower(): count for origin, count in space.counts.items() if count}
    return AddressCounts(known, dict(space.ignored))
