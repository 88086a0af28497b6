"""Opens and closes the connections of an endpoint: ports of the system and network connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import oscbridge
from oscbridge_midi import tcp
from oscbridge_midi.connection import NetworkConnection
from oscbridge_midi.message_encoder import MidiDelivery
from oscbridge_midi.options import MidiOptions
from oscbridge_midi.rtmidi_ports import CLIENT
from oscbridge_midi.rtp import initiator, listener
from oscbridge_midi.rtp.address import RtpListen, RtpURL, is_rtp
from oscbridge_midi.system_ports import SystemPorts
from oscbridge_midi.tcp_server import MidiTcpServer

__all__ = ["EndpointConnections"]


class EndpointConnections:
    """The connections between ``connect`` and ``close`` of an endpoint."""

    def __init__(
        self,
        endpoint: oscbridge.Endpoint[MidiOptions, MidiDelivery],
        owner: tcp.MidiConnectionOwner,
        on_overflow: Callable[[int], None],
    ) -> None:
        self._endpoint = endpoint
        self._owner = owner
        self._on_overflow = on_overflow
        self._all: list[SystemPorts | NetworkConnection] = []
        self.outputs: list[SystemPorts | NetworkConnection] = []
        """The connections to send to."""
        self._server: MidiTcpServer | listener.RtpListener | None = None

    def __bool__(self) -> bool:
        """Whether any has been opened."""
        return bool(self._all)

    @property
    def client_count(self) -> int:
        """The number of clients that are connected to ``listen``."""
        return 0 if self._server is None else self._server.clients

    def describe(self) -> str:
        """Where they lead, human-readable."""
        return ", ".join(each.name for each in self._all)

    async def open(self, *, wait: bool) -> None:
        """Open all; ``wait`` a while for missing ports.

        Raises :class:`oscbridge.EndpointError`, and ``OSError``.
        """
        own = self._endpoint.options
        if own.listen is not None:
            await self._listen(own)
        urls = {text for text in (own.output, own.input) if text is not None and "://" in text}
        for url in sorted(urls):
            await self._connect(url, sends=url == own.output)
        output = None if own.output in urls else own.output
        input_ = None if own.input in urls else own.input
        if output is not None or input_ is not None:
            await self._open_ports(output, input_, wait=wait)

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages to all outputs. Raises :class:`oscbridge.NotConnected`."""
        if messages:
            for output in self.outputs:
                await output.send(messages)

    async def close(self) -> None:
        """Close all."""
        connections, self._all, self.outputs = self._all, [], []
        self._server = None
        await asyncio.gather(*(each.close() for each in connections))

    async def _listen(self, own: MidiOptions) -> None:
        endpoint = self._endpoint
        if isinstance(own.listen, RtpListen):
            sessions = listener.RtpListener(self._owner, endpoint, own)
            self._server = sessions
            self._add(sessions, sends=True)
            await sessions.open(own.listen)
        elif own.listen is not None:
            limits = own.max_connections, own.max_connections_per_address
            server = MidiTcpServer(self._owner, endpoint, *limits, own.allow)
            self._server = server
            self._add(server, sends=True)
            await server.open(own.listen)

    async def _connect(self, url: str, *, sends: bool) -> None:
        host = self._endpoint.host
        if is_rtp(url):
            session = initiator.RtpInitiator(RtpURL.parse(url), self._owner, self._endpoint)
            self._add(session, sends=sends)
            await session.open()
            return
        client = await tcp.MidiTcpClient.open(
            tcp.parse(url), self._owner, host.connection_lost, host.client_dropped
        )
        self._add(client, sends=sends)

    async def _open_ports(self, output: str | None, input_: str | None, *, wait: bool) -> None:
        endpoint, own = self._endpoint, self._endpoint.options
        ports = SystemPorts(
            own.backend,
            output=output,
            input=input_,
            client=f"{CLIENT} {endpoint.name}",
            note_off=own.note_off,
            receiver=self._owner.receiver(("", 0)),
            on_bad=lambda error: self._owner.bad_bytes(error, ("", 0)),
            on_overflow=self._on_overflow,
            on_lost=endpoint.host.connection_lost,
            log=endpoint.log,
        )
        self._add(ports, sends=output is not None)
        await ports.open(wait=wait)

    def _add(self, connection: SystemPorts | NetworkConnection, *, sends: bool) -> None:
        self._all.append(connection)
        if sends:
            self.outputs.append(connection)
