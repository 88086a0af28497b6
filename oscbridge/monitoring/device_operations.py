"""Devices of a running process: those that could be added, profiles, and tests of endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from oscbridge.bridge.app import App
from oscbridge.bridge.sinks.direct import offer_message
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.osc import Message
from oscbridge.osc.message_text import read_message_text
from oscbridge.osc.text import format_message
from oscbridge.plugins.manager import Plugin
from oscbridge.suggestions import suggest

if TYPE_CHECKING:
    from oscbridge.nearby import DeviceSearch, FoundNearby
    from oscbridge.profiles.profile import Profile

__all__ = ["DeviceOperations"]

TEST_INTERVAL: Final = 0.5
"""Seconds between two messages of a test: how long a note sounds."""


MAX_PROFILES: Final = 100
"""Profiles beside the configuration that are read."""

TEMPLATE: Final = "template"
"""The profile that is there to be copied."""


class DeviceOperations:
    """On the event loop."""

    def __init__(self, app: App, types: Mapping[str, type[AnyEndpoint]]) -> None:
        self.types = types
        """All endpoint types by name; each is imported on access."""
        self.plugins: Sequence[Plugin] = ()
        """All plugins, broken ones included."""
        self._app = app

    @cached_property
    def nearby(self) -> DeviceSearch:
        """The devices that could be added."""
        from oscbridge.nearby import DeviceSearch  # most processes are never asked

        return DeviceSearch(self.types, lambda: self._app.announcer.discovery)

    async def close(self) -> None:
        """End the search, if there is one."""
        if "nearby" in vars(self):
            await self.nearby.close()

    def endpoint_of(self, found: FoundNearby) -> str:
        """The endpoint that reaches a device already; empty if there is none."""
        for name, entry in self._app.configuration.endpoints.items():
            if entry.type_name == found.type_name and all(
                str(getattr(entry.options, key, None)) == str(value)
                for key, value in found.device.options.items()
            ):
                return name
        return ""

    def profiles(self, directory: Path | None = None) -> Sequence[Profile]:
        """The device profiles: those beside a configuration in ``directory``, and the bridge's.

        Those that cannot be read are left out. It reads files: may block.
        """
        from oscbridge.profiles.library import FOLDER, shipped_profiles
        from oscbridge.profiles.profile import read_profile

        own = [] if directory is None else sorted((directory / FOLDER).glob("*.toml"))
        shipped = [path for name, path in shipped_profiles().items() if name != TEMPLATE]
        found: dict[str, Profile] = {}
        for path in [*own[:MAX_PROFILES], *shipped]:
            with suppress(OSCBridgeError, OSError):
                found.setdefault(path.stem, read_profile(path))
        return list(found.values())

    def send_test(self, name: str, test: str) -> str:
        """Send the messages of a test to an endpoint, half a second after each other.

        Returns them as text. Raises :class:`ConfigurationError`.
        """
        runner = self._app.endpoints.get(name)
        if runner is None or not runner.endpoint.is_sink():
            sinks = [each for each, one in self._app.endpoints.items() if one.endpoint.is_sink()]
            raise ConfigurationError(f"{name!r}: nothing can be sent to it; {suggest(name, sinks)}")
        texts = runner.endpoint.test_messages.get(test)
        if texts is None:
            raise ConfigurationError(f"{test!r}: {name} has no such test")
        messages = [read_message_text(text) for text in texts]
        for index, message in enumerate(messages):
            if index == 0:
                offer_message(runner, message)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(index * TEST_INTERVAL, self._offer, name, message)
        return "sent " + ", then ".join(map(format_message, messages))

    def _offer(self, name: str, message: Message) -> None:
        runner = self._app.endpoints.get(name)
        if runner is not None:
            offer_message(runner, message)
