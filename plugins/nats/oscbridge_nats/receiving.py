"""Converts messages from the servers to OSC messages."""

from __future__ import annotations

from typing import Final, Protocol

import oscbridge
from oscbridge_nats.headers import HeaderReader, NATSPeer
from oscbridge_nats.options import Format, NATSOptions
from oscbridge_nats.payload import decode
from oscbridge_nats.server_url import NATSServerURL
from oscbridge_nats.subjects import SHOWN, address_of

__all__ = ["NATSReceiver", "NATSRouteInput"]

MAX_ADDRESS: Final = oscbridge.Limits().max_address_length
"""Most characters of an address that is made from a subject."""


class NATSRouteInput(Protocol):
    """Puts messages into the routes; the host does."""

    def receive(self, message: oscbridge.Message, peer: oscbridge.ClientAddress) -> None:
        """Put a message into the routes."""

    def receive_packet(self, data: bytes, peer: oscbridge.ClientAddress) -> None:
        """Put an encoded packet into the routes."""


class NATSReceiver:
    """Puts the messages of one endpoint's subscriptions into its routes."""

    def __init__(self, options: NATSOptions, own: str) -> None:
        """``own`` identifies the endpoint in headers."""
        self._options = options
        self._headers = HeaderReader(own)
        self._server = options.servers[0]
        self._peers: dict[int, NATSPeer] = {}
        default = options.payload
        self._default: Format = default if default in ("json", "text") else "osc"  # type: ignore[assignment]

    def begin(self, server: NATSServerURL) -> None:
        """A connection to a server is open."""
        self._server = server
        self._peers.clear()

    def peer(self, hops: int) -> NATSPeer:
        """The peer of messages that came through ``hops`` bridges."""
        found = self._peers.get(hops)
        if found is None:
            found = NATSPeer(self._server.host, self._server.port, hops)
            self._peers[hops] = found
        return found

    def receive(
        self,
        routes: NATSRouteInput,
        form: Format | None,
        subject: str,
        payload: bytes,
        headers: bytes,
    ) -> bool:
        """Decode a message and put it into the routes, unless the endpoint has published it.

        Returns whether it was put there. Raises :class:`oscbridge.DecodeError`.
        """
        hops = self._headers.hops(headers)
        if hops is None:
            return False
        if len(payload) > self._options.max_payload_size:
            largest = self._options.max_payload_size
            text = f"payload larger than max_payload_size = {largest} bytes"
            raise oscbridge.LimitError("max_payload_size", _about(subject, text))
        form = form or self._default
        peer = self.peer(hops)
        if form == "osc":
            routes.receive_packet(payload, peer)
            return True
        try:
            self._receive_values(routes, form, subject, payload, peer)
        except oscbridge.DecodeError as error:
            raise type(error)(error.reason, _about(subject, str(error))) from None
        return True

    def _receive_values(
        self, routes: NATSRouteInput, form: Format, subject: str, payload: bytes, peer: NATSPeer
    ) -> None:
        address = address_of(subject, self._options.prefix)
        messages: list[oscbridge.Message] = []
        for below, types, args in decode(payload, form):
            full = f"{address}{below}"
            if len(full) > MAX_ADDRESS:
                text = f"an address of more than {MAX_ADDRESS} characters"
                raise oscbridge.LimitError("max_address_length", text)
            message = oscbridge.Message(full, types, args)
            try:
                oscbridge.encode_message(message)  # otherwise it would fail later, in some sink
            except oscbridge.EncodeError as error:
                raise oscbridge.DecodeError("value", str(error)) from None
            messages.append(message)
        for message in messages:
            routes.receive(message, peer)


def _about(subject: str, text: str) -> str:
    return f"{subject[:SHOWN]}: {text}"
