"""The server behind ``find``: looked for in the local network, and followed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import oscbridge

__all__ = ["OSCQUERY", "FoundServer"]

OSCQUERY: Final = "_oscjson._tcp"
"""The service of OSCQuery servers."""

FIND_TIME: Final = 3.0
"""Seconds to look for a server before the endpoint is shown as not connected."""

PAUSE: Final = 1.0
"""Seconds between attempts."""


class FoundServer:
    """Looks for a server while its endpoint is connected, or tries to be."""

    def __init__(self, pattern: str, log: logging.Logger, name: str) -> None:
        self._pattern = pattern
        self._log = log
        self._part = f"endpoint.{name}"
        self._follower: oscbridge.ServiceFollower | None = None
        self._place = ""

    async def find(self, discovery: oscbridge.Discovery) -> str:
        """Its URL. Raises :class:`oscbridge.BackOff`, or that the package is missing."""
        self._follower = discovery.follow([OSCQUERY], self._pattern, self._part)
        try:
            service = await self._follower.find(FIND_TIME)
        except oscbridge.NotConnected as error:
            raise oscbridge.BackOff(PAUSE, str(error)) from None
        self._place = service.place
        self._log.info("found %r at %s", service.name, service.place)
        return f"http://{service.place}"

    async def follow(self, lost: Callable[[Exception], None]) -> None:
        """Call ``lost`` when the server is gone or elsewhere."""
        if self._follower is None:
            return
        async for service in self._follower:
            if service is None:
                lost(oscbridge.NotConnected(f"{self._pattern!r} has left the network"))
                return
            if service.place != self._place:
                lost(oscbridge.NotConnected(f"{service.name!r} is now at {service.place}"))
                return

    def doubt(self) -> None:
        """It does not answer: look whether it is still there."""
        if self._follower is not None:
            self._follower.doubt()

    async def close(self) -> None:
        """Look for it no longer."""
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.close()
