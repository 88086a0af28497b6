"""Where the pages of ``[http]`` are, for parts of the bridge that lead people there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["FindSite", "SiteLink"]

FindSite: TypeAlias = Callable[[str], str]
"""Returns the URL of the pages for somebody who reaches this machine as that host; or ""."""


class SiteLink:
    """Known to all endpoints; filled in by the process that serves the pages."""

    def __init__(self) -> None:
        self.find: FindSite = _nowhere

    def url_for(self, host: str) -> str:
        """The URL for somebody who reaches this machine as ``host``; empty if there is none."""
        return self.find(host)


def _nowhere(host: str) -> str:
    return ""
