"""The names and versions of installed distributions, without parsing all of their metadata."""

from __future__ import annotations

from importlib.metadata import Distribution, distribution

__all__ = ["name_and_version", "version"]


def name_and_version(found: Distribution) -> tuple[str, str]:
    """The name and the version of a distribution.

    The metadata contain the whole README, which ``Distribution.metadata`` parses as an e-mail:
    a bridge needs 1 MB and some milliseconds more for that.
    """
    head = (found.read_text("METADATA") or "").partition("\n\n")[0]
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    if "Name" in fields and "Version" in fields:
        return fields["Name"], fields["Version"]
    return found.name, found.version


def version(name: str) -> str:
    """The version of an installed distribution.

    Raises :class:`importlib.metadata.PackageNotFoundError`.
    """
    return name_and_version(distribution(name))[1]
