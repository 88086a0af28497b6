"""What can be seen and done in a running process, for each front: control socket, control room."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from oscbridge.address_space import AddressInfo
from oscbridge.bridge.app import App
from oscbridge.bridge.config.configuration_source import ConfigurationSource
from oscbridge.bridge.config.state_path import state_directory
from oscbridge.bridge.config.tokens import HTTP
from oscbridge.bridge.muting import set_muted
from oscbridge.bridge.reload import Changes
from oscbridge.bridge.routes.variables import Value
from oscbridge.bridge.sinks.direct import offer_message
from oscbridge.discovery.own_addresses import own_addresses
from oscbridge.distributions import version
from oscbridge.errors import ConfigurationError, DecodeError
from oscbridge.logs.recent import RecentEvents
from oscbridge.monitoring.device_operations import DeviceOperations
from oscbridge.monitoring.traffic import Hub
from oscbridge.monitoring.variable_requests import answer_set
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message, Origin, decode_packet, messages
from oscbridge.status.leader_status import read_leader
from oscbridge.status.status import Status, read_status
from oscbridge.suggestions import suggest

if TYPE_CHECKING:
    from oscbridge.learning import LearningSession
    from oscbridge.monitoring.editing import ConfigurationEditor

__all__ = ["Operations", "ProcessInfo", "Reload"]

Reload: TypeAlias = Callable[[], Awaitable[Changes]]

LOCAL: Final[ClientAddress] = ("control", 0)
"""The sender of messages that a front puts in."""


@dataclass
class ProcessInfo:
    """The process and its configuration."""

    pid: int
    configuration: str
    """Human-readable name of its configuration."""
    file: str
    """Absolute path of its configuration file; empty if there is none."""
    version: str
    since: float = 0.0
    """Unix time at which it became ready."""


class Operations:
    """The operations of a process that runs ``app``. On the event loop.

    ``reload`` reloads its configuration; ``configuration`` is the name of that, ``source`` where
    it comes from.
    """

    def __init__(
        self,
        app: App,
        reload: Reload,
        configuration: str,
        source: ConfigurationSource | None = None,
    ) -> None:
        file = Path(configuration)
        self.info = ProcessInfo(
            os.getpid(),
            configuration,
            str(file.resolve()) if file.exists() else "",
            version("oscbridge"),
        )
        self.hub = Hub(app)
        """For watchers of the traffic."""
        self.events = RecentEvents()
        """The log."""
        self._source = source
        self.devices = DeviceOperations(app, {} if source is None else source.types)
        """Devices that could be added, and tests of endpoints."""
        self._app = app
        self._reload = reload

    @cached_property
    def editor(self) -> ConfigurationEditor | None:
        """Edits the configuration; None if it comes from elsewhere than a file."""
        if self._source is None:
            return None
        from oscbridge.monitoring.editing import ConfigurationEditor  # only a page needs it

        editor = ConfigurationEditor(self._app, self._source, self._reload, self._file_created)
        editor.devices = self.devices.nearby.values
        return editor

    def _file_created(self, name: str) -> None:
        """The built-in configuration has been saved in a file."""
        self.info.configuration = self.info.file = name

    def started(self) -> None:
        """The process is ready."""
        self.info.since = self.info.since or time.time()

    @property
    def names(self) -> Sequence[str]:
        """The names of bridges and endpoints."""
        configuration = self._app.configuration
        return list(dict.fromkeys([*configuration.bridges, *configuration.endpoints]))

    @property
    def app(self) -> App:
        """The running system."""
        return self._app

    def state_directory(self) -> Path:
        """The directory for persistent state, which may not exist."""
        try:
            return state_directory()
        except RuntimeError:  # no home directory
            return Path.cwd() / ".oscbridge"

    def recordings_directory(self) -> Path:
        """The directory of the control room's recordings, which may not exist."""
        http = self._app.configuration.http
        chosen = None if http is None else http.recordings
        return chosen or self.state_directory() / "recordings"

    def own_addresses(self) -> Sequence[str]:
        """IP addresses of this machine in its networks."""
        return own_addresses()

    def status(self) -> Status:
        """How the system is now."""
        return read_status(self._app)

    def direct_links(self) -> Sequence[tuple[str, str]]:
        """Pairs of a source and a sink that only default routes, or those of plugins, connect."""
        sources = self._app.routing.sources
        routed = {
            (source, sink)
            for route in self._app.routes
            for source in route.config.sources
            for sink in route.config.to
        }
        pairs = [(name, sink) for name, source in sources.items() for sink in source.sinks]
        return [pair for pair in pairs if pair not in routed]

    @property
    def routes_version(self) -> object:
        """Another object after each change of the routes."""
        return self._app.routing

    def receivers(self, source: str, address: str) -> Sequence[str]:
        """The endpoints that routes lead messages of a source with this address to."""
        found = self._app.routing.sources.get(source)
        return () if found is None else found.receivers(address)

    def mute(self, names: Sequence[str], on: bool) -> Sequence[str]:
        """Mute routes or unmute them. Returns those that have changed, in words.

        Raises :class:`ConfigurationError` for an unknown name; then nothing has changed.
        """
        return [route.name for route in set_muted(self._app, names, on)]

    async def leader(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """The role of this bridge; with ``hand_over``, who leads after that.

        Raises :class:`OSCBridgeError`.
        """
        if request.get("hand_over"):
            return {"holder": await self._app.leadership.hand_over()}
        return {"leader": read_leader(self._app)}

    async def reload(self) -> Changes:
        """Read the configuration again. Raises :class:`OSCBridgeError`."""
        return await self._reload()

    def set_variable(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Set a variable, or return all values. Raises :class:`ConfigurationError`."""
        return answer_set(request, self._app.variables)

    @property
    def variables(self) -> Mapping[str, Value]:
        """The values of variables by name."""
        return self._app.variables.snapshot()

    def last_values(self) -> Iterator[tuple[str, Message]]:
        """The last messages that endpoints keep for new clients, with the names of those."""
        for name, runner in self._app.endpoints.items():
            for message in runner.last_values():
                yield name, message

    def learn(self) -> LearningSession:
        """Begin to learn a route; the session watches until it is closed."""
        from oscbridge.learning import LearningSession  # few processes ever learn

        return LearningSession(self._app)

    async def prepare_addresses(self) -> None:
        """Compute the known addresses without blocking others, before the first look at them."""
        await self._app.addresses.prepare()

    def describe(self, address: str) -> AddressInfo | None:
        """What the configuration, profiles and devices say about an address."""
        return self._app.addresses.known.get(address)

    def put_in(self, name: str, message: Message, peer: str = "") -> None:
        """Handle a message as if the bridge or endpoint ``name`` had received it.

        ``peer`` is the human-readable sender. Raises :class:`ConfigurationError` for an unknown
        name.
        """
        dispatcher = self._app.dispatchers.get(name)
        if dispatcher is None:
            hint = suggest(name, list(self._app.dispatchers))
            raise ConfigurationError(f"{name!r}: no such bridge or endpoint; {hint}")
        client: ClientAddress = (peer, 0) if peer else LOCAL
        origin = Origin(name, client)
        address, types, args, timetag, _ = message
        message = Message(address, types, args, timetag, origin)
        dispatcher.dispatch_message(message, client, _no_reply)

    def put_in_packet(self, name: str, packet: bytes, peer: str) -> bool:
        """Handle a packet as if the bridge or endpoint ``name`` had received it from ``peer``.

        Returns False if neither has this name.
        """
        dispatcher = self._app.dispatchers.get(name)
        if dispatcher is None:
            return False
        dispatcher.dispatch(packet, (peer, 0) if peer else LOCAL, _no_reply)
        return True

    def send_packet(self, name: str, packet: bytes) -> bool:
        """Queue the messages of a packet for delivery to the endpoint ``name``.

        Returns False if nothing can be sent to it, or the packet is not valid.
        """
        runner = self._app.endpoints.get(name)
        if runner is None or not runner.endpoint.is_sink():
            return False
        try:
            found = list(messages(decode_packet(packet)))
        except DecodeError:
            return False
        for message in found:
            runner.offer(message)
        return True

    @property
    def token_names(self) -> Sequence[str]:
        """The names of the tokens that are valid for ``[http]``."""
        tokens = self._app.configuration.tokens
        return [token.name for token in tokens if token.is_valid_at(HTTP)]

    @property
    def source_names(self) -> Sequence[str]:
        """The names of bridges and endpoints that receive."""
        return list(self._app.dispatchers)

    @property
    def sink_names(self) -> Sequence[str]:
        """The names of endpoints, and of bridges, that send."""
        return [name for name, one in self._app.endpoints.items() if one.endpoint.is_sink()]

    def send(self, name: str, message: Message) -> None:
        """Queue a message for delivery to the endpoint, or the clients of the bridge, ``name``.

        Raises :class:`ConfigurationError` if there is none, or if it sends nothing.
        """
        runner = self._app.endpoints.get(name)
        if runner is None or not runner.endpoint.is_sink():
            hint = suggest(name, self.sink_names)
            raise ConfigurationError(f"{name!r}: nothing can be sent to it; {hint}")
        offer_message(runner, message)


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """Ignore the result of a route's function."""
