"""The dispatchers of a worker: they number messages, and count where a kill loses nothing."""

from __future__ import annotations

from oscbridge.bridge.recent_hops import digest_of
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.sources.forked.child_counts import SharedStatistics, WorkerStatistics
from oscbridge.bridge.sources.forked.ipc_timetag import BundleEnd
from oscbridge.bridge.sources.forked.worker_clients import AskerReports
from oscbridge.bridge.sources.forked.worker_ipc import MirrorWriter, WorkerChannel, WorkerRoute
from oscbridge.bridge.sources.forked.worker_settings import WorkerSettings
from oscbridge.dispatch.absorbing_map import AbsorbingMap
from oscbridge.dispatch.cache import Target
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.dispatch.handler import Handler, Reply
from oscbridge.dispatch.packet_reader import ReadMessage
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.errors import DecodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.url import OSCURL
from oscbridge.osc import Limits, Message

__all__ = ["dispatcher_for"]


class _WorkerDispatcher(Dispatcher):
    """Numbers the messages that have handlers, for the supervisor.

    Counts bad packets where a killed process leaves the counts.
    """

    channel: WorkerChannel

    def report_bad(self, error: DecodeError, client_address: ClientAddress) -> None:
        super().report_bad(error, client_address)
        if isinstance(self.statistics, SharedStatistics):
            self.statistics.note_bad()

    def _call_handlers(
        self, target: Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        if target.calls:
            self.channel.begin_message(digest_of(message))
        super()._call_handlers(target, message, client_address, reply)

    def _call_all(
        self,
        calls: list[tuple[Target, Message]],
        client_address: ClientAddress,
        reply: Reply,
        was_watched: bool = False,
        binding: int | None = None,
    ) -> None:
        super()._call_all(calls, client_address, reply, was_watched, binding)
        tag = calls[0][1].timetag
        if isinstance(tag, ForwardedTag) and any(target.calls for target, _ in calls):
            self.channel.send(BundleEnd(tag.group).encode())


class _MirroringDispatcher(_WorkerDispatcher):
    """Mirrors the packets of TCP connections."""

    mirror: MirrorWriter

    def dispatch(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        self.mirror.write(data, client_address)
        super().dispatch(data, client_address, reply)


class _CountingDispatcher(_WorkerDispatcher):
    """Notes that a datagram is counted, of which a killed worker leaves that it was reading."""

    def _read_packet(self, data: bytes, client_address: ClientAddress) -> list[ReadMessage]:
        found = super()._read_packet(data, client_address)
        if isinstance(self.statistics, WorkerStatistics):
            self.statistics.note_reading(False)
        return found


def dispatcher_for(
    settings: WorkerSettings, channel: WorkerChannel, mirror: MirrorWriter
) -> Dispatcher:
    """The dispatcher of a worker. Raises ``ValueError`` for a route that cannot be made."""
    udp = OSCURL.parse(settings.listen).scheme == "udp"  # there the server mirrors packets
    dispatcher = (_CountingDispatcher if udp else _MirroringDispatcher)(
        name=settings.name,
        limits=Limits(**settings.packet_limits),
        max_route_calls=settings.max_route_calls,
        scheduler=Scheduler(**settings.scheduler),
        adds_slash=True,
    )
    dispatcher.channel = channel
    dispatcher.forwards_tags = settings.forwards_tags
    dispatcher.part = f"bridge.{dispatcher.name}"
    if isinstance(dispatcher, _MirroringDispatcher):
        dispatcher.mirror = mirror
    if settings.absorbed is not None:
        absorb = Handler(WorkerRoute(-1, RouteConfig(), channel), [])
        asked = Handler(AskerReports(channel).take, [], _needs_message=True)
        witness = asked if settings.reports_askers else None
        dispatcher.adopt(AbsorbingMap(settings.absorbed, absorb, witness))
    for number, values in enumerate(settings.routes):
        config = RouteConfig.from_pure(values)
        mapped = dispatcher.map(config.match, WorkerRoute(number, config, channel))
        mapped.order = number
    if settings.has_plugin_routes:
        mapped = dispatcher.map("*", WorkerRoute(-1, RouteConfig(), channel))
        mapped.order = len(settings.routes)
    return dispatcher
