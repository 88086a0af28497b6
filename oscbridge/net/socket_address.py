"""The addresses of peers, as sockets give them."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["ClientAddress"]

ClientAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Host and port of an IPv4 address, with the flow label and the scope of an IPv6 address."""
