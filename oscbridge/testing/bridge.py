"""A bridge that runs inside a test's own event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from oscbridge.bridge.addresses.space import AddressSpace
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.reload import Changes
from oscbridge.bridge.sinks.direct import offer_message
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.net.any_host import is_any_host
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message, encode_message
from oscbridge.osc.framing import stream_encoder
from oscbridge.plugins.endpoint_types import EndpointTypeMap
from oscbridge.plugins.manager import BUILT_IN, Plugins
from oscbridge.status.metrics import HTTPCounters, Metrics
from oscbridge.status.route_status import RouteStatus
from oscbridge.status.status import BridgeStatus, EndpointStatus, Reloads, Status, read_status
from oscbridge.testing.identity import what_does_not_add_up
from oscbridge.testing.recording_endpoint import RecordingEndpoint
from oscbridge.testing.waiting import becomes_true

__all__ = ["RunningBridge", "recorded_log", "running_bridge"]


class RunningBridge:
    """A bridge that runs, as a test sees it."""

    def __init__(
        self,
        app: App,
        read: Callable[[str], Configuration],
        log: list[str],
        record: Collection[str] = (),
    ) -> None:
        self.log = log
        """The lines that the bridge has logged: ``WARNING oscbridge.endpoint.desk: ...``."""
        self._app = app
        self._read = read
        self._received = {name: asyncio.Queue[Message]() for name in record}
        self._listen()

    # --- its parts ---------------------------------------------------------------------------

    def endpoint(self, name: str) -> AnyEndpoint:
        """An endpoint of the configuration."""
        return self._app.endpoints[name].endpoint

    def recording(self, name: str) -> RecordingEndpoint:
        """An endpoint of type ``recording``."""
        endpoint = self.endpoint(name)
        assert isinstance(endpoint, RecordingEndpoint), f"{name} is of another type"
        return endpoint

    def url(self, name: str) -> OSCURL:
        """Where a bridge of the configuration listens, with the port that the system chose."""
        return self._app.listeners[name].address

    @property
    def addresses(self) -> AddressSpace:
        """The facts about the addresses of all parts."""
        return self._app.addresses

    # --- messages ----------------------------------------------------------------------------

    def send(self, bridge: str, *messages: Message) -> None:
        """Send messages to a bridge of the configuration, each in a packet of its own."""
        url = self.url(bridge)
        if is_any_host(url.host):
            url = url._replace(host="127.0.0.1")
        packets = map(encode_message, messages)
        if url.scheme == "udp":
            with socket.socket(_family(url), socket.SOCK_DGRAM) as sock:
                for packet in packets:
                    sock.sendto(packet, (url.host, url.port))
            return
        encode = stream_encoder(url.framing)
        with socket.create_connection((url.host, url.port)) as stream:
            stream.sendall(b"".join(map(encode, packets)))

    def offer(self, endpoint: str, *messages: Message) -> None:
        """Put messages into an endpoint's send queue, past all routes."""
        runner = self._app.endpoints[endpoint]
        for message in messages:
            offer_message(runner, message)

    def received(self, endpoint: str) -> asyncio.Queue[Message]:
        """The messages received from an endpoint of ``record``, whatever its routes are."""
        return self._received[endpoint]

    def _listen(self) -> None:
        for endpoint in self._received.keys() & self._app.endpoints.keys():
            dispatcher = self._app.endpoints[endpoint].dispatcher
            dispatcher.map("*", self._received[endpoint].put_nowait, needs_message=True)

    # --- what can be observed ----------------------------------------------------------------

    def status(self) -> Status:
        """The state and the counters of all parts."""
        return read_status(self._app)

    def endpoint_status(self, name: str) -> EndpointStatus:
        """The state and the counters of an endpoint."""
        return next(each for each in self.status().endpoints if each.name == name)

    def bridge_status(self, name: str) -> BridgeStatus:
        """The state and the counters of a bridge."""
        return next(each for each in self.status().bridges if each.name == name)

    def route_status(self, number: int) -> RouteStatus:
        """The counters of a route; the first is number 1."""
        return self.status().routes[number - 1]

    def metrics(self) -> str:
        """The page for Prometheus, as text."""
        metrics = Metrics(self.status, lambda: HTTPCounters({}, {}, 0), lambda: Reloads())
        return metrics.render("")[0].decode()

    async def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for a condition. Raises ``AssertionError`` with the log after ``seconds``."""
        if not await becomes_true(condition, seconds):
            log = "\n".join(self.log[-20:])
            raise AssertionError(f"nothing of the kind in {seconds:g} s; the log:\n{log}")

    # --- its life ----------------------------------------------------------------------------

    async def reload(self, text: str) -> Changes:
        """Reload with another configuration. Raises what makes it invalid."""
        changes = await self._app.reload(self._read(text))
        self._listen()  # a reload replaces all handlers
        return changes

    async def stop(self) -> None:
        """Stop it before the end of the test."""
        await self._app.stop()


@asynccontextmanager
async def running_bridge(
    text: str,
    types: Mapping[str, type[AnyEndpoint]] | None = None,
    *,
    installed: bool = True,
    record: Collection[str] = (),
) -> AsyncIterator[RunningBridge]:
    """A bridge with this configuration, ready: it listens, and endpoints had time to connect.

    ``types`` are endpoint types beside those of the installed plugins and ``recording``;
    without ``installed`` only the built-in plugins are loaded. ``record`` are endpoints whose
    incoming messages are recorded from the start (:meth:`RunningBridge.received`). Let bridges
    and endpoints listen on port 0 and ask :meth:`RunningBridge.url`; :func:`free_port` is for
    programs that cannot choose a port.

    Raises :class:`oscbridge.OSCBridgeError` if it cannot start, and ``AssertionError`` at the end
    if its counters do not add up (:func:`what_does_not_add_up`).
    """
    plugins = Plugins() if installed else Plugins(BUILT_IN)
    known = EndpointTypeMap({"recording": RecordingEndpoint, **(types or {})})
    known = known.with_fallbacks(plugins.endpoint_types)

    def read(text: str) -> Configuration:
        return parse(text, known, "test.toml")

    with recorded_log() as log:
        app = App(read(text), plugins)
        bridge = RunningBridge(app, read, log, record)
        await app.start()
        try:
            yield bridge
        finally:
            await app.stop()
        if wrong := what_does_not_add_up(read_status(app)):
            raise AssertionError("the counters do not add up:\n" + "\n".join(wrong))


@contextmanager
def recorded_log() -> Iterator[list[str]]:
    """The lines that the bridge logs meanwhile, from INFO."""
    lines: list[str] = []
    logger = logging.getLogger("oscbridge")
    handler = _Lines(lines)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


def _family(url: OSCURL) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in url.host else socket.AF_INET
