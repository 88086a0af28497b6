"""Imports the pages that a plugin offers."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oscbridge.monitoring.site import Site

__all__ = ["import_site"]


def import_site(path: str) -> type[Site]:
    """The class at a path, e.g. ``"oscbridge_ui.site:ControlRoom"``. Raises what its import does.

    Raises ``TypeError`` if it is not a class of pages.
    """
    from oscbridge.monitoring.site import Site

    found: object = EntryPoint("site", path, "").load()
    if not (isinstance(found, type) and issubclass(found, Site)):
        raise TypeError(f"{path} is {found!r}, not a subclass of oscbridge.monitoring.Site")
    return found
