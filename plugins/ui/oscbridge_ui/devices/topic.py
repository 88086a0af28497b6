"""What a page sees of the devices around: found ones, types, profiles and plugins."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from pydantic import JsonValue

from oscbridge import AnyEndpoint, TomlTable
from oscbridge.monitoring import DeviceOperations, FoundNearby, Operations, toml_texts
from oscbridge_ui.devices.messages import (
    DeviceFound,
    DevicesState,
    EndpointKind,
    PluginState,
    ProfileState,
)
from oscbridge_ui.topic import Topic

__all__ = ["DevicesTopic"]


class DevicesTopic(Topic):
    """Looks for devices from its creation until it is closed."""

    def __init__(self, operations: Operations, wake: Callable[[], None]) -> None:
        self._operations = operations
        self._wake = wake
        self._sent: DevicesState | None = None
        self._is_new = True
        self._configuration: object = None
        """The one that was looked at: after a reload found devices may be endpoints."""
        self._end = operations.devices.nearby.watch(self.changed)
        self._kinds: Sequence[EndpointKind] = ()
        self._profiles: Sequence[ProfileState] = ()
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        """Read what does not change. It imports plugins and reads files."""
        devices, file = self._operations.devices, self._operations.info.file
        folder = Path(file).parent if file else None
        self._kinds = await asyncio.to_thread(lambda: tuple(_kinds(devices)))
        self._profiles = await asyncio.to_thread(lambda: tuple(_profiles(devices, folder)))
        self.changed()

    def changed(self) -> None:
        """Something was found, or the configuration has changed."""
        self._is_new = True
        self._wake()

    def take(self) -> DevicesState | None:
        configuration = self._operations.app.configuration
        if not self._is_new and configuration is self._configuration:
            return None
        self._is_new, self._configuration = False, configuration
        state = self._state()
        if state == self._sent:
            return None
        self._sent = state
        return state

    def close(self) -> None:
        self._loading.cancel()
        self._end()

    def _state(self) -> DevicesState:
        devices, names = self._operations.devices, self._operations.names
        result = devices.nearby.result
        return DevicesState(
            is_listing=result.is_listing,
            found=[_found(each, devices.endpoint_of(each), names) for each in result.devices],
            problems=result.problems,
            kinds=self._kinds,
            profiles=self._profiles,
            plugins=[
                PluginState(
                    name=each.name,
                    version=each.version,
                    types=sorted(each.endpoints),
                    error=str(each.error or ""),
                )
                for each in devices.plugins
            ],
        )


def _found(found: FoundNearby, endpoint: str, taken: Collection[str]) -> DeviceFound:
    return DeviceFound(
        endpoint_type=found.type_name,
        name=found.device.name,
        place=found.device.place,
        origin=found.origin,
        endpoint=endpoint,
        proposed_name=found.endpoint_name(taken),
        table=_table(found.table),
    )


def _kinds(devices: DeviceOperations) -> Iterator[EndpointKind]:
    for name in sorted(devices.types):
        factory = devices.types[name]
        is_sink = factory.is_sink()
        yield EndpointKind(
            name=name,
            text=_text(factory),
            tests=list(factory.test_messages) if is_sink else [],
            example=_table(factory.example_options),
            error="",
        )


def _text(factory: type[AnyEndpoint]) -> str:
    """The first sentence of its documentation."""
    return (inspect.getdoc(factory) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "")


def _profiles(devices: DeviceOperations, folder: Path | None) -> Iterator[ProfileState]:
    for profile in devices.profiles(folder):
        options = profile.options
        scheme = "tcp" if options.transport == "tcp" else "udp"
        yield ProfileState(
            name=profile.name,
            title=options.title,
            addresses=len(profile.addresses),
            to=f"{scheme}://192.168.1.20:{options.port}" if options.port else "",
        )


def _table(table: TomlTable) -> dict[str, JsonValue]:
    return {key: {"$toml": text} for key, text in toml_texts(table).items()}
