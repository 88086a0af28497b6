"""Paths that a server says have changed, until it is asked about them. Pure."""

from __future__ import annotations

from typing import Final

from oscbridge_oscquery.paths import is_address

__all__ = ["MAX_REFRESHED", "ChangedPaths"]

MAX_REFRESHED: Final = 16
"""Changed paths that are asked for one by one; of more, the whole tree is."""


class ChangedPaths:
    """Collects paths; of a path and one above it, only the latter remains."""

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}

    def add(self, path: str) -> None:
        """Add a path; one that cannot be an address is ignored."""
        if not is_address(path):
            return
        self._paths[path] = None
        if len(self._paths) > MAX_REFRESHED:
            self._paths = {"/": None}

    def take(self) -> list[str]:
        """The topmost paths, which are forgotten."""
        paths, self._paths = self._paths, {}
        return [path for path in paths if not self._is_below(path, paths)]

    @staticmethod
    def _is_below(path: str, paths: dict[str, None]) -> bool:
        while path not in ("", "/"):
            path = path.rpartition("/")[0] or "/"
            if path in paths:
                return True
        return False
