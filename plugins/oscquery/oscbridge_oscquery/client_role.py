"""An endpoint as a client: mirrors the tree of a server, listens to it, and sends to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import aiohttp

import oscbridge
from oscbridge_oscquery.changed_paths import ChangedPaths
from oscbridge_oscquery.commands import (
    IGNORE,
    LISTEN,
    PATH_ADDED,
    PATH_CHANGED,
    PATH_REMOVED,
    PATH_RENAMED,
    OSCQueryCommand,
    decode_command,
    encode_command,
)
from oscbridge_oscquery.host_info import HostInfo
from oscbridge_oscquery.http_client import OSCQueryQuestions
from oscbridge_oscquery.mirror import Mirror
from oscbridge_oscquery.osc_sender import OSCSender, OutgoingMessages
from oscbridge_oscquery.tree_reader import MirroredNode, TreeReader
from oscbridge_oscquery.websocket_client import open_websocket

__all__ = ["ClientRole"]

REFRESH_DELAY: Final = 0.1
"""Seconds in which further changes of the tree are awaited before it is asked for."""

REFRESH_INTERVAL: Final = 0.5
"""Seconds between two questions about changes of the tree."""

TREE_INTERVAL: Final = 5.0
"""Seconds between questions for the whole tree, where only a part of it is polled."""

HEALTH_INTERVAL: Final = 15.0
"""Seconds between questions whether the server still exists, where nothing is polled."""

MAX_FAILED_POLLS: Final = 3
"""Questions in a row without an answer, after which the connection is lost."""

SLICE: Final = 1_000
"""Nodes that are read, or commands that are sent, before others have the event loop."""


class ClientRole:
    """Runs the client of an endpoint, from one connection to its end."""

    def __init__(
        self,
        name: str,
        url: str,
        token: str | None,
        poll: float,
        host: oscbridge.Host,
        addresses: oscbridge.EndpointAddresses,
        mirror: Mirror,
        log: logging.Logger,
    ) -> None:
        self._name = name
        self.url = url
        self._poll = poll
        self._host = host
        self._addresses = addresses
        self._mirror = mirror
        self._log = log
        self._questions = OSCQueryQuestions(url, token)
        self._info = HostInfo()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sender: OSCSender | None = None
        self._wanted: set[str] = set()
        """The addresses of the tree that routes read."""
        self._changed = ChangedPaths()
        self._is_changed = asyncio.Event()
        self._heard: set[str] = set()
        """Addresses with a value by WebSocket since the tree was asked for: it is newer."""

    @property
    def peer(self) -> oscbridge.ClientAddress:
        """The peer of the messages from the server."""
        return (self._questions.host, self._questions.port)

    @property
    def has_listen(self) -> bool:
        """Whether the server sends values by itself."""
        return self._socket is not None

    # --- life cycle ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect and mirror the tree. Raises ``OSError`` and :class:`oscbridge.NotConnected`."""
        try:
            answer = await self._questions.ask("/", "HOST_INFO")
            info = HostInfo.read(answer.document if answer.is_found else None)
            self._info = info.seen_from(self._questions.host)
            await self._open_websocket()
            await self._open_sender()
            await self._load("/")
            await self.listen_to_routes()
            await self._load("/")  # with the values since then
        except oscbridge.DecodeError as error:
            raise oscbridge.NotConnected(str(error)) from None

    async def _open_sender(self) -> None:
        info, near = self._info, self._questions
        # The proposal says nothing about framing over TCP, and UDP cannot carry a token.
        if self._socket is not None and (info.osc_transport == "TCP" or near.has_token):
            return  # binary frames are clear
        self._sender = await OSCSender.open(info.osc_ip or near.host, info.osc_port or near.port)
        self._host.sends_packets(self._sender.near, self._sender.to)

    async def _open_websocket(self) -> None:
        self._session = aiohttp.ClientSession()
        try:
            self._socket = await open_websocket(self._session, self._questions, self._info)
        except oscbridge.NotConnected as error:
            self._log.info("%s; polling instead", error)

    async def stop(self) -> None:
        """Close everything that is open."""
        sender, self._sender = self._sender, None
        socket, self._socket = self._socket, None
        session, self._session = self._session, None
        if sender is not None:
            self._host.sends_packets(None, None)
            sender.close()
        try:
            if socket is not None:
                await socket.close()
        finally:
            if session is not None:
                await session.close()

    # --- the tree -----------------------------------------------------------------------------

    async def _load(self, path: str) -> None:
        """Ask for a node and everything below it, and mirror that."""
        self._heard.clear()
        answer = await self._questions.ask(path)
        reader = TreeReader(f"mirrored {self._name}")
        nodes: list[MirroredNode] = []
        if answer.is_found:
            for node in reader.nodes(path, answer.document):
                nodes.append(node)
                if len(nodes) % SLICE == 0:
                    await asyncio.sleep(0)
        elif path == "/":
            raise oscbridge.NotConnected(f"no tree: HTTP status {answer.status}")
        if reader.ignored:
            why = ", ".join(f"{reason} {count}" for reason, count in reader.ignored.items())
            self._log.debug("%s: ignored parts of the tree: %s", path, why)
        if self._mirror.replace(path, nodes):
            self._addresses.contribute(self._mirror.infos())

    async def follow_changes(self) -> None:
        """Pass on the values of the tree, and ask for what changes, until cancelled."""
        self._deliver(self._mirror.values())
        while True:
            await self._is_changed.wait()
            await asyncio.sleep(REFRESH_DELAY)
            self._is_changed.clear()
            try:
                for path in self._changed.take():
                    await self._load_again(path)
                if added := await self.listen_to_routes():  # their known values may be old
                    await self._load_again(self._mirror.common_path(added))
            except (OSError, oscbridge.NotConnected) as error:
                self._host.connection_lost(error)
                return
            self._deliver(self._mirror.values())
            await asyncio.sleep(REFRESH_INTERVAL)

    async def _load_again(self, path: str) -> None:
        try:
            await self._load(path)
        except oscbridge.DecodeError as error:
            self._log.warning("changes to the tree go unnoticed: %s", error)

    def routes_changed(self) -> None:
        """Other routes read: look again at what to listen to."""
        self._is_changed.set()

    # --- LISTEN -------------------------------------------------------------------------------

    async def listen_to_routes(self) -> set[str]:
        """Listen to the nodes that routes read, and to no others. Returns the new ones."""
        takes = self._host.takes
        wanted: set[str] = set()
        for count, address in enumerate(self._mirror.readable(), 1):
            if takes(address):
                wanted.add(address)
            if count % SLICE == 0:
                await asyncio.sleep(0)
        old, self._wanted = self._wanted, wanted
        await self._command(IGNORE, old - wanted)
        await self._command(LISTEN, wanted - old)
        return wanted - old

    async def _command(self, name: str, addresses: Iterable[str]) -> None:
        if self._socket is None:
            return
        for address in sorted(addresses):
            try:
                await self._socket.send_str(encode_command(OSCQueryCommand(name, address)))
            except (ConnectionError, aiohttp.ClientError) as error:
                raise oscbridge.NotConnected(str(error)) from None

    async def read(self) -> None:
        """Take what the server sends, until the connection ends."""
        socket = self._socket
        assert socket is not None
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.BINARY:
                self._receive(frame.data)
            elif frame.type is aiohttp.WSMsgType.TEXT:
                self._obey(frame.data)
        self._host.connection_lost(oscbridge.NotConnected("the server has closed the WebSocket"))

    def _receive(self, data: bytes) -> None:
        """Pass on values that routes read; servers also send others."""
        try:
            packet = oscbridge.decode_packet(data)
        except oscbridge.DecodeError as error:
            self._host.bad_input(error, self.peer)
            return
        takes = self._host.takes
        for message in oscbridge.messages(packet):
            address = message.address
            if address in self._wanted or (address not in self._mirror and takes(address)):
                if len(self._heard) < len(self._mirror):
                    self._heard.add(address)
                self._mirror.note(message)
                self._host.receive(message, self.peer)

    def _obey(self, text: str) -> None:
        try:
            command = decode_command(text)
        except oscbridge.DecodeError as error:
            self._host.bad_input(error, self.peer)
            return
        if command.name in (PATH_CHANGED, PATH_ADDED, PATH_REMOVED, PATH_RENAMED):
            self._changed.add(command.path)
            self._changed.add(command.new_path)
            self._is_changed.set()

    def _deliver(self, values: Iterable[oscbridge.Message]) -> None:
        """Pass on values of the tree that are news and have not been overtaken."""
        for message in values:
            address = message.address
            is_wanted = address in self._wanted and address not in self._heard
            if is_wanted and self._mirror.is_news(message):
                self._host.receive(message, self.peer)

    # --- without LISTEN -----------------------------------------------------------------------

    async def poll(self) -> None:
        """Ask for the values that routes read, and rarely for the tree, until cancelled."""
        failed, clock = 0, asyncio.get_running_loop().time
        whole = clock() + TREE_INTERVAL
        while True:
            await asyncio.sleep(self._poll if self._wanted else TREE_INTERVAL)
            path = self._mirror.common_path(self._wanted)
            if not self._wanted or clock() >= whole:
                path, whole = "/", clock() + TREE_INTERVAL
            try:
                await self._load(path)
                await self.listen_to_routes()
                failed = 0
            except (OSError, oscbridge.DecodeError, oscbridge.NotConnected) as error:
                failed += 1
                if failed == MAX_FAILED_POLLS:
                    self._host.connection_lost(oscbridge.NotConnected(str(error)))
                    return
            self._deliver(self._mirror.values())

    async def check_health(self) -> None:
        """Ask whether the server exists, until it does not: TCP alone notices it late."""
        failed = 0
        while failed < MAX_FAILED_POLLS:
            await asyncio.sleep(HEALTH_INTERVAL)
            try:
                await self._questions.ask("/", "HOST_INFO")
                failed = 0
            except (OSError, oscbridge.DecodeError):
                failed += 1
        self._host.connection_lost(oscbridge.NotConnected("the server does not answer any more"))

    # --- sending ------------------------------------------------------------------------------

    async def send(self, messages: Sequence[oscbridge.Message]) -> None:
        """Send messages, except those that came from the server."""
        batch = OutgoingMessages(messages, self._name)
        batch.sent(await self._send(batch.packets))

    async def _send(self, packets: Sequence[bytes]) -> Mapping[int, oscbridge.BadMessage]:
        if self._sender is not None:
            return await self._sender.send(packets)
        if self._socket is None:
            raise oscbridge.NotConnected
        try:
            for packet in packets:
                await self._socket.send_bytes(packet)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise oscbridge.NotConnected(str(error)) from None
        return {}
