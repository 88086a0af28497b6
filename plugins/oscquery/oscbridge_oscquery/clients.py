"""The clients of the server's WebSocket: what they listen to, and which messages they get."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from aiohttp import WSCloseCode

import oscbridge
from oscbridge_oscquery.commands import OSCQueryCommand, encode_command
from oscbridge_oscquery.frames import binary_frame, text_frame
from oscbridge_oscquery.listeners import MAX_LISTENS, MAX_PATTERNS, ListenTable
from oscbridge_oscquery.listening_client import ListeningClient
from oscbridge_oscquery.paths import is_address
from oscbridge_oscquery.pending_commands import EVERYTHING

__all__ = ["DROP_REASONS", "ListeningClients"]

DROP_REASONS: Final = {
    "slow_client": "a client reads too slowly",
    "disconnected": "a client disconnected or was stopped",
    "encode": "a message cannot be encoded as OSC",
}

_MAPPED: Final = "::ffff:"


class ListeningClients:
    """All of an endpoint."""

    def __init__(self, name: str, host: oscbridge.Host) -> None:
        self._name = name
        self._host = host
        self._clients: dict[ListeningClient, None] = {}
        self._by_peer: dict[oscbridge.ClientAddress, ListeningClient] = {}
        self._by_host: dict[str, set[ListeningClient]] = {}
        self._table = ListenTable[ListeningClient]()

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def all(self) -> Collection[ListeningClient]:
        """The connected clients."""
        return self._clients.keys()

    def dropped(self, reason: str, count: int) -> None:
        """Count messages that a client misses."""
        self._host.client_dropped(reason, count, DROP_REASONS[reason])

    # --- connections --------------------------------------------------------------------------

    def add(self, client: ListeningClient) -> None:
        """A client has connected."""
        self._clients[client] = None
        self._by_peer[client.peer[:2]] = client
        if not client.is_watcher:
            self._by_host.setdefault(_host(client.peer), set()).add(client)

    def remove(self, client: ListeningClient, *, is_clean: bool = False) -> None:
        """A client has disconnected. ``is_clean``: it has sent a close frame."""
        client.ended(is_clean=is_clean)
        self._forget(client)

    def _forget(self, client: ListeningClient) -> None:
        self._table.remove(client)
        if client not in self._clients:
            return
        del self._clients[client]
        if self._by_peer.get(client.peer[:2]) is client:
            del self._by_peer[client.peer[:2]]
        near = self._by_host.get(_host(client.peer), set())
        near.discard(client)
        if not near:
            self._by_host.pop(_host(client.peer), None)
        self._host.peer_disconnected(client.peer)

    def renew(self, access: oscbridge.AccessControl) -> None:
        """Give each client the current rights of its token, or close its connection."""
        for client in tuple(self._clients):
            grant = access.renew(client.grant)
            if isinstance(grant, oscbridge.AccessDenied):
                self._forget(client)
                client.end(WSCloseCode.POLICY_VIOLATION, grant.reason)
            elif grant != client.grant:
                client.grant = grant
                self._table.retain(client, grant.rights.may_listen)

    async def end(self) -> None:
        """Close all connections."""
        clients = tuple(self._clients)
        for client in clients:
            self._forget(client)
            client.end(WSCloseCode.GOING_AWAY, "the bridge stops")
        for client in clients:
            await client.gone.wait()

    # --- LISTEN -------------------------------------------------------------------------------

    def listen(self, client: ListeningClient, path: str) -> None:
        """``LISTEN``: from now on the client is sent the values of this node."""
        address = path[:-1] if len(path) > 1 and path.endswith("/") else path
        if not is_address(address):
            raise oscbridge.DecodeError("command", f"LISTEN: {path[:80]!r} is not an address")
        if not client.grant.rights.may_listen(address):
            self._host.refused(
                f"LISTEN {address[:80]} from {client.peer[0]}: this token may not listen to it"
            )
            return
        try:
            if self._table.listen(client, address):
                return
        except oscbridge.PatternError as error:
            raise oscbridge.DecodeError("command", f"LISTEN: {error}") from None
        self._host.refused(
            f"LISTEN {address[:80]} from {client.peer[0]}: it already listens to {MAX_LISTENS} "
            f"addresses or {MAX_PATTERNS} patterns"
        )

    def ignore(self, client: ListeningClient, path: str) -> None:
        """``IGNORE``: the client is not sent the values of this node any more."""
        self._table.ignore(client, path[:-1] if len(path) > 1 and path.endswith("/") else path)

    # --- messages -----------------------------------------------------------------------------

    def publish(self, messages: Iterable[oscbridge.Message]) -> None:
        """Send messages to those who listen, never to the one that a message came from."""
        if not self._clients:
            return
        flushed: list[ListeningClient] = []
        listeners_of = self._table.of
        for message in messages:
            clients = listeners_of(message.address)
            if clients:
                self._publish_one(message, clients, flushed)
        for client in flushed:
            client.flush()

    def _publish_one(
        self,
        message: oscbridge.Message,
        clients: Collection[ListeningClient],
        flushed: list[ListeningClient],
    ) -> None:
        sender = self._sender(message.origin)
        try:
            packet = oscbridge.encode_message(message)
        except oscbridge.EncodeError:
            self.dropped("encode", len(clients))
            return
        frame = binary_frame(packet)
        for client in clients:
            if client is not sender:
                if client.echoes is not None:
                    client.echoes.sent(packet, time.monotonic())
                if client.put(frame):
                    flushed.append(client)

    def _sender(self, origin: oscbridge.Origin | None) -> ListeningClient | None:
        """The client that a message came from.

        Programs send over UDP and listen over the WebSocket. A datagram is therefore also the
        message of the only client with its IP address; of several, nobody knows which one.
        """
        if origin is None or origin.source != self._name or not isinstance(origin.peer, tuple):
            return None
        client = self._by_peer.get(origin.peer[:2])
        if client is None:
            near = self._by_host.get(_host(origin.peer), ())
            if len(near) == 1:
                (client,) = near
        return client

    @property
    def rights(self) -> Collection[oscbridge.AccessRights]:
        """The rights of all clients."""
        return {client.grant.rights for client in self._clients}

    def announce(
        self, commands: Mapping[oscbridge.AccessRights, Sequence[OSCQueryCommand]]
    ) -> None:
        """Send each client the commands for its rights; with other ones, that all has changed."""
        frames = {
            rights: b"".join(text_frame(encode_command(each)) for each in found)
            for rights, found in commands.items()
        }
        everything = text_frame(encode_command(EVERYTHING))
        for client in self._clients:
            rights = client.grant.rights
            client.tell(commands.get(rights, (EVERYTHING,)), frames.get(rights, everything))


def _host(peer: Sequence[object]) -> str:
    return str(peer[0]).removeprefix(_MAPPED)
