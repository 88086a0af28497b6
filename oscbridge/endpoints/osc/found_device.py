"""The device behind ``osc://NAME``: found, followed to other addresses and ports, and lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import oscbridge
from oscbridge.endpoints.osc.service_url import OSC_SERVICES, ServiceURL

__all__ = ["FoundDevice"]

FIRST_FIND_TIME: Final = 2.0
"""Seconds to look for a device before the endpoint is shown as not connected."""

FIND_TIME: Final = 8.0
"""Seconds of each later attempt."""

PAUSE: Final = 1.0
"""Seconds between attempts."""

DOUBT_INTERVAL: Final = 5.0
"""Shortest time in seconds between looks whether a device that does not answer is still there."""


class FoundDevice:
    """Looks for a device while its endpoint is connected, or tries to be."""

    def __init__(self, url: ServiceURL, log: logging.Logger, part: str) -> None:
        self._url = url
        self._log = log
        self._part = part
        self._follower: oscbridge.ServiceFollower | None = None
        self._has_failed = False
        self._next_doubt = 0.0
        self._last = ""
        self.at: oscbridge.OSCURL | None = None
        """Where it is; None while that is not known."""

    async def find(self, discovery: oscbridge.Discovery) -> oscbridge.OSCURL:
        """Look for it. Raises :class:`oscbridge.BackOff`, or that the package is missing."""
        self._follower = discovery.follow(OSC_SERVICES, self._url.name, self._part)
        try:
            service = await self._follower.find(FIND_TIME if self._has_failed else FIRST_FIND_TIME)
        except oscbridge.NotConnected as error:
            self._has_failed = True
            raise oscbridge.BackOff(PAUSE, str(error)) from None
        self._has_failed = False
        return self._note(service)

    async def follow(self, moved: Callable[[oscbridge.OSCURL], None]) -> None:
        """Call ``moved`` when it is elsewhere. Raises :class:`oscbridge.NotConnected` when gone."""
        if self._follower is None:
            return
        before = self.at
        async for service in self._follower:
            if service is None:
                text = f"{self._url.name!r} has left the network; looking for it"
                raise oscbridge.NotConnected(text)
            if (now := self._note(service)) != before:
                before = now
                moved(now)

    def doubt(self) -> None:
        """It does not answer: look whether it is still there, at most every few seconds."""
        now = asyncio.get_running_loop().time()
        if self._follower is not None and now >= self._next_doubt:
            self._next_doubt = now + DOUBT_INTERVAL
            self._follower.doubt()

    async def close(self) -> None:
        """Look for it no longer."""
        self.at = None
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.close()

    def _note(self, service: oscbridge.DiscoveredService) -> oscbridge.OSCURL:
        self.at = _url_of(service)
        text = f"{service.name!r} at {self.at}"
        if text != self._last:
            self._log.info("found %s", text)
            self._last = text
        return self.at


def _url_of(service: oscbridge.DiscoveredService) -> oscbridge.OSCURL:
    scheme = "udp"
    if service.type.endswith("._tcp"):
        scheme = "tcp+1.0" if service.properties.get("framing") == "1.0" else "tcp"
    return oscbridge.OSCURL(scheme, service.host, service.port)
