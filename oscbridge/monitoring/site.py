"""The pages of a plugin that ``[http]`` serves."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from oscbridge.monitoring.operations import Operations
from oscbridge.monitoring.site_access import SiteAccess

__all__ = ["Site", "SiteHandler"]

SiteHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers a request with the method GET or HEAD."""


class Site(ABC):
    """Pages at the address of ``[http]``. Created on its event loop, once per start of the server.

    Hosts and origins were checked before a handler is called; tokens were not, as a browser sends
    none for a page: what a page shows is for :attr:`access` to decide.
    """

    def __init__(self, operations: Operations, access: SiteAccess, log: logging.Logger) -> None:
        self.operations = operations
        """What can be seen and done in the running process."""
        self.access = access
        """Who may do it."""
        self.log = log

    @property
    @abstractmethod
    def pages(self) -> Mapping[str, SiteHandler]:
        """The handlers by path, e.g. ``"/values"``. It must not change."""

    def access_changed(self) -> None:  # noqa: B027
        """A reload has changed the valid tokens: renew the access of each connected client.

        Nothing by default, as where no connection outlasts a request.
        """

    async def close(self) -> None:  # noqa: B027
        """The server stops: close all connections. Nothing by default."""
