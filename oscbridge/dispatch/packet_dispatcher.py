"""Calls the handlers of packets. Independent of sockets.

The cost of a message does not depend on the number of mapped addresses: see
:mod:`oscbridge.dispatch.cache`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final

from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.any_packet import AnyPacket
from oscbridge.dispatch.cache import Target
from oscbridge.dispatch.forwarded_tag import by_tag
from oscbridge.dispatch.handler import Call, Reply
from oscbridge.dispatch.packet_reader import MAX_ROUTE_CALLS, PacketReader
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatch.timing import Timing
from oscbridge.dispatch.turn import Turn
from oscbridge.errors import DecodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Message, Origin, encode_message, head_key, read_arguments
from oscbridge.osc.packet import encode_bundle
from oscbridge.osc.values import Argument

__all__ = ["PacketDispatcher"]

_log: Final = logging.getLogger("oscbridge.dispatch.dispatcher")
_new: Final = tuple.__new__


class PacketDispatcher(AnyPacket):
    """Reads packets and calls the handlers of their messages: the part without python-osc."""

    def __init__(
        self,
        strict_timing: bool = True,
        *,
        name: str = "",
        limits: Limits = DEFAULT_LIMITS,
        scheduler: Scheduler | None = None,
        max_route_calls: int = MAX_ROUTE_CALLS,
        adds_slash: bool = False,
    ) -> None:
        """``adds_slash``: a message to ``node``, as an X32 writes it, becomes one to ``/node``."""
        PacketReader.__init__(self, limits, adds_slash=adds_slash, max_route_calls=max_route_calls)
        Timing.__init__(self, _log, Scheduler() if scheduler is None else scheduler, strict_timing)
        self.name = name
        """``source`` in the origin of this dispatcher's messages."""
        self.turn: Turn | None = None  # the server begins and ends it around what it reads at once
        self.patience: Callable[[], float] | None = None
        """Returns the seconds for which nobody needs what a server could read; None for never."""
        self._on_left: Callable[[ClientAddress], None] | None = None
        self._binding = 0  # counts the calls of rebind
        self._latest_origin: tuple[ClientAddress | None, Origin | None] = None, None
        self._prepare_calls()

    def adopt(
        self,
        addresses: AddressMap,
        on_client_disconnected: Callable[[ClientAddress], None] | None = None,
    ) -> None:
        """Replace the mapping atomically, and the function of :meth:`on_client_disconnected`.

        From any thread, while others dispatch: each message uses the old mapping or the new.
        """
        self._default_handler = None
        self._on_left = on_client_disconnected
        self._map.on_change = None
        self._map = addresses
        addresses.on_change = self._clear_cache
        self._clear_cache()

    def rebind(self) -> None:
        """Bind all handlers again, for messages that wait for their time tags as well."""
        self._binding += 1
        self._clear_cache()

    def set_limits(self, limits: Limits) -> None:
        """Read packets within these limits from now on."""
        self.limits = limits
        self._clear_cache()  # cached heads were read within the old limits

    def on_client_disconnected(self, function: Callable[[ClientAddress], None] | None) -> None:
        """Set a function to call after a client has disconnected; None removes it.

        It runs where the handlers run and must not block.
        """
        self._on_left = function

    def client_disconnected(self, client_address: ClientAddress) -> None:
        """Called by the server after a client has disconnected."""
        if self._on_left is not None:
            self._on_left(client_address)

    # --- dispatching -----------------------------------------------------------------------

    def dispatch(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """Call the handlers for one packet; see :meth:`dispatch_all`."""
        self.dispatch_all(((data, client_address),), reply)

    def dispatch_all(self, batch: Iterable[tuple[bytes, ClientAddress]], reply: Reply) -> None:
        """Call the handlers for packets, in order. All servers use this method.

        The result of a handler, which may be a coroutine, is passed to ``reply`` with the
        client's address, unless it is None. Never raises: invalid packets are counted and
        logged.
        """
        count = 0
        try:
            for data, client in batch:
                plan = self._fixed.get(data[: self._starts.get(len(data))])
                if plan is not None and plan[0] == len(data):
                    # One unpacking costs less than eight look-ups.
                    _, start, read, address, plain, types, only, target = plan
                    values = read(data, start)
                else:  # the key is that of head_key
                    text_plan = self._texts.get(data[: data.find(b"\0", data.find(b","))])
                    if text_plan is None or len(data) > text_plan[0]:
                        self._dispatch_other(data, client, reply)
                        continue
                    _, start, read_text, address, plain, types, only, target = text_plan
                    texts = read_text(data, start)
                    if texts is None:
                        self._dispatch_other(data, client, reply)
                        continue
                    values = texts
                if plain is None:
                    self._dispatch_one(address[0], types, values, only, target, client, reply)
                    continue
                count += 1
                for callback in plain:
                    try:
                        result = callback(*(address + values))
                    except Exception as error:
                        self._failed(callback, address[0], error)
                        continue
                    if result is not None:
                        reply(client, result)
        finally:
            self.statistics.packets += count
            self.statistics.messages += count
            self.statistics.routed += count

    def _dispatch_one(
        self,
        address: str,
        types: str | None,
        values: tuple[Argument, ...],
        only: Call | None,
        target: Target,
        client: ClientAddress,
        reply: Reply,
    ) -> None:
        """Call the handlers for a message that is a packet; ``only`` is the only one if any."""
        statistics, latest = self.statistics, self._latest_origin
        statistics.packets += 1
        statistics.messages += 1
        # Named tuples made without their own __new__, which is a function in Python.
        if latest[0] is not client:  # most of the time the receiver has the same object for it
            latest = self._latest_origin = client, _new(Origin, (self.name, client))
        message = _new(Message, (address, types, values, None, latest[1]))
        if only is None or not self._calls_directly:
            self._call(target, message, client, reply)
            return
        statistics.routed += 1
        try:
            result = only(message)
        except Exception as error:
            self._failed(target.calls[0][2].callback, address, error)
            return
        if result is not None:
            reply(client, result)

    def _dispatch_other(self, data: bytes, client: ClientAddress, reply: Reply) -> None:
        """A packet that is not a message of the size that its head has always."""
        plan = self._plans.get(head_key(data))
        if plan is None:
            self._dispatch_any(data, client, reply)
            return
        length, start, read, address, plain, head, target = plan
        try:
            if length == len(data):
                self._starts[length] = start
                values = read(data, start)
            else:
                values = read_arguments(head, data, self.limits)
        except DecodeError:
            self._dispatch_any(data, client, reply)
            return
        if plain is None:
            self._dispatch_one(address, head.types, values, None, target, client, reply)
            return
        self.statistics.packets += 1
        self.statistics.messages += 1
        self.statistics.routed += 1
        self._call_plain(plain, (address, *values), client, reply)

    def dispatch_message(
        self, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        """Call the handlers for a decoded message, at once."""
        target = self._target(message.address, message.types)  # may raise: not text
        self.statistics.messages += 1
        self._call(target, message, client_address, reply)

    def examine(
        self, data: bytes, client_address: ClientAddress, run: Callable[[bytes], None]
    ) -> None:
        """Call ``run`` with the messages that have handlers, as packets, each when it is due.

        Messages of one time tag stay together. For servers that call handlers in another
        process, where :attr:`strict_timing` must be off. Invalid packets are counted and logged.
        """
        found = self._read_packet(data, client_address)
        found = by_tag(found) if self.forwards_tags else found
        now = self.scheduler.clock_ns()
        for timetag, group in groupby(found, key=itemgetter(0)):
            messages = []
            for _, message, target, head, values in group:
                if target.calls:
                    made = message or encode_message(Message(head.address, head.types, values))
                    messages.append(made)
                else:
                    self.count_unmatched(head.address)
            if timetag is None:
                for message in messages:
                    run(message)
            elif messages:
                later = partial(run, encode_bundle(messages, timetag))
                if not self._wait(timetag, now, later, len(messages), client_address):
                    later()

    def seen(self, data: bytes, client_address: ClientAddress) -> None:
        """Call the watcher with the messages of a packet that another process handles."""
        if self._watcher is None:
            return
        try:
            found = self._read_all(data, [], [])
        except DecodeError:
            return  # counted by that process
        origin = Origin(self.name, client_address)
        for timetag, _, _, head, values in found:
            self._watcher(Message(head.address, head.types, values, timetag, origin))
