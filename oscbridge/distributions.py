"""The names and versions of installed distributions, without parsing all of their metadata."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final

__all__ = ["is_own", "name_and_version", "version", "version_mismatch"]

BRIDGE: Final = "oscbridge"

_RELEASED_TOGETHER: Final = re.compile(rf"^Requires-Dist: ({BRIDGE}-[a-z0-9-]+)", re.MULTILINE)


def name_and_version(found: Distribution) -> tuple[str, str]:
    """The name and the version of a distribution.

    The metadata contain the whole README, which ``Distribution.metadata`` parses as an e-mail:
    a bridge needs 1 MB and some milliseconds more for that.
    """
    fields = dict(line.split(": ", 1) for line in _head(found).splitlines() if ": " in line)
    if "Name" in fields and "Version" in fields:
        return fields["Name"], fields["Version"]
    return found.name, found.version


def version(name: str) -> str:
    """The version of an installed distribution.

    Raises :class:`importlib.metadata.PackageNotFoundError`.
    """
    return name_and_version(distribution(name))[1]


def version_mismatch(name: str, found: str) -> str:
    """Why a distribution of version ``found`` does not fit the bridge; empty if it does.

    The plugins that are extras of the bridge are released with it, in the same version. Others
    have versions of their own, and fit.
    """
    if name not in _released_together():
        return ""
    bridge = version(BRIDGE)
    if found == bridge:
        return ""
    extra = name.removeprefix(f"{BRIDGE}-")
    return (
        f"{name} is version {found}, but {BRIDGE} is {bridge}; install both in one version: "
        f'pip install --upgrade "{BRIDGE}[{extra}]"'
    )


def is_own(name: str) -> bool:
    """Whether a distribution is the bridge, or a plugin that is released with it."""
    return name == BRIDGE or name in _released_together()


@cache
def _released_together() -> frozenset[str]:
    try:
        return frozenset(_RELEASED_TOGETHER.findall(_head(distribution(BRIDGE))))
    except PackageNotFoundError:  # run from its sources without being installed
        return frozenset()


def _head(found: Distribution) -> str:
    """The metadata without the README."""
    return (found.read_text("METADATA") or "").partition("\n\n")[0]
