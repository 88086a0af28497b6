"""Whether the package for discovery is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from oscbridge.errors import DiscoveryUnavailable

__all__ = ["check_discovery", "require_discovery"]

_PACKAGE: Final = "zeroconf"
_TEXT: Final = (
    f'requires the package {_PACKAGE}; install it with: pip install "oscbridge[discovery]"'
)


def check_discovery() -> None:
    """For a key of a configuration: raise ``ValueError`` if the package is not installed."""
    if find_spec(_PACKAGE) is None:
        raise ValueError(_TEXT)


def require_discovery() -> None:
    """Raise :class:`oscbridge.DiscoveryUnavailable` if the package is not installed."""
    if find_spec(_PACKAGE) is None:
        raise DiscoveryUnavailable(f"discovery {_TEXT}")
