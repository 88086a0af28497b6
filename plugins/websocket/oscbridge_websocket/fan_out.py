"""Sends messages to clients: encoded once for each group, written to each client that is idle."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from websockets.protocol import OPEN

import oscbridge
from oscbridge_websocket.client import ClientGroup, ClientGroups, WebSocketClient
from oscbridge_websocket.frames import (
    FrameFormat,
    OutgoingFrame,
    encode_osc,
    make_frames,
    serialize,
)
from oscbridge_websocket.pacing import encode_for_pacing

__all__ = ["FanOut"]


class FanOut:
    """Sends the messages of the endpoint ``name`` to groups of clients.

    A message is not sent back to the client that it came from. ``on_drop`` is called with a
    number of messages that cannot be encoded.
    """

    def __init__(self, name: str, groups: ClientGroups, on_drop: Callable[[int], None]) -> None:
        self._name = name
        self._groups = groups.all
        self._on_drop = on_drop

    def send_to_all(self, messages: Sequence[oscbridge.Message]) -> None:
        """Send messages to every client that may receive them."""
        if len(messages) == 1 and messages[0].timetag is None:
            self._send_one(messages[0])  # most of the time, at the rates of a show
            return
        name, own, latest = self._name, set(), None
        for message in messages:
            origin = message.origin
            if origin is not latest:  # most of the time they come from one peer
                latest = origin
                if origin is not None and origin[0] == name:
                    own.add(origin)
        for group in self._groups:
            selected = messages if group.addresses is None else group.select(messages)
            if not selected:
                continue
            if not own:
                self.send(group.clients, selected, group)
                continue
            if clients := [client for client in group.clients if client.origin not in own]:
                self.send(clients, selected, group)
            for client in group.clients:
                if client.origin in own:
                    others = [m for m in selected if m.origin != client.origin]
                    self.send([client], others, group)

    def _send_one(self, message: oscbridge.Message) -> None:
        """Send a message without a time tag."""
        origin = message.origin
        for group in self._groups:
            addresses, clients = group.addresses, group.clients
            if addresses is not None and not addresses.matches(message.address):
                continue
            if origin is not None and origin[0] == self._name:
                clients = [client for client in clients if client.origin != origin]
                if not clients:
                    continue
            if group.paced:
                self.send(clients, [message], group)
                continue
            text = group.format is FrameFormat.JSON
            try:
                data = oscbridge.encode_json(message) if text else encode_osc(message)
            except oscbridge.EncodeError:
                self._on_drop(1)
                continue
            _write(data, 1, serialize(data, text=text), clients)

    def send(
        self,
        clients: Sequence[WebSocketClient],
        messages: Sequence[oscbridge.Message],
        group: ClientGroup,
    ) -> None:
        """Send messages to clients of a group."""
        if group.paced:
            if group.clock is not None:
                if clients is group.clients:
                    group.clock.put(messages)
                    return
                group.clock.spill()
            encoded = encode_for_pacing(messages, group.format, self._on_drop)
            for client in clients:
                if client.pacer is not None:
                    client.pacer.put(encoded)
            return
        text = group.format is FrameFormat.JSON
        for frame in make_frames(messages, group.format, self._on_drop):
            _write(frame.data, frame.messages, serialize(frame.data, text=text), clients)


def _write(
    data: bytes, messages: int, serialized: bytes, clients: Sequence[WebSocketClient]
) -> None:
    """Write a frame of a number of messages to clients.

    Idle clients are written to directly, without a task switch, and while their transport is
    empty without the transport: it gets what the socket does not take, and its errors. For the
    others the frame is queued, because the queue does the flow control.
    """
    size, write = len(serialized), os.write
    for client in clients:  # every call costs as much as a part of the system call
        sent = 0
        if client.connection.is_clear:
            try:
                sent = write(client.descriptor, serialized)
            except OSError:  # the buffer is full, or for the transport to handle
                pass
            if sent == size:
                continue
        _write_checked(client, OutgoingFrame(data, messages), serialized, sent)


def _write_checked(
    client: WebSocketClient, frame: OutgoingFrame, serialized: bytes, sent: int
) -> None:
    """Write the unsent rest to a client, if it is open, or queue the frame."""
    connection = client.connection
    connection.is_clear = False
    if connection.is_closing():
        return
    if (client.is_behind or client.frames) and not client.is_idle:
        client.put(frame)
        return
    if connection.protocol.state is not OPEN:
        return
    if not sent and client.descriptor >= 0 and not client.measure_unsent():
        try:
            sent = os.write(client.descriptor, serialized)
        except OSError:
            pass
        if sent == len(serialized):
            connection.is_clear = True
            return
    connection.write_now(serialized[sent:])
    if client.measure_unsent() or connection.is_closing():
        client.note_written(frame)
