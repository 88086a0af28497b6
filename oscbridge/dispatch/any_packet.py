"""Calls the handlers of packets of any kind: bundles, and messages that are new or unusual."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final

from oscbridge.dispatch.cache import Target
from oscbridge.dispatch.forwarded_tag import ForwardedTag, by_tag
from oscbridge.dispatch.handler import Reply
from oscbridge.dispatch.handler_calls import HandlerCalls
from oscbridge.dispatch.packet_reader import BundledMessage, Deviation, ReadMessage
from oscbridge.errors import DecodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.message import Message, Origin
from oscbridge.osc.timetag import TimeTag
from oscbridge.osc.values import Argument

__all__ = ["AnyPacket"]

_TIMETAG: Final = struct.Struct(">8xQ")
_new: Final = tuple.__new__


class AnyPacket(HandlerCalls):
    """Reads a packet completely before any handler of its messages runs."""

    name: str
    _binding: int

    def _dispatch_any(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """Call the handlers for any packet, without the fast path of single messages."""
        if data.startswith(b"#bundle\0") and not self.forwards_tags:
            found = self._read_bundle(data)
            if found is not None:
                self._dispatch_bundle(data, found, client_address, reply)
                return
        self._dispatch_slowly(data, client_address, reply)

    def _dispatch_bundle(
        self,
        data: bytes,
        found: list[BundledMessage],
        client_address: ClientAddress,
        reply: Reply,
    ) -> None:
        """Call the handlers for the messages of a bundle without others in it."""
        self.statistics.packets += 1
        self.statistics.messages += len(found)
        timetag = TimeTag(*_TIMETAG.unpack_from(data))
        origin = Origin(self.name, client_address)
        if not timetag.immediate:
            calls = [
                (target, Message(address, types, values, timetag, origin))
                for address, types, _, target, values in found
            ]
            self._call_when_due(timetag, self.scheduler.clock_ns(), calls, client_address, reply)
            return
        for address, types, plain, target, values in found:  # it may be abandoned meanwhile
            if plain is not None and self._calls_directly:
                self.statistics.routed += 1
                self._call_plain(plain, (address, *values), client_address, reply)
            else:  # a named tuple made without its own __new__, which is a function in Python
                message = _new(Message, (address, types, values, timetag, origin))
                self._call(target, message, client_address, reply)

    def _dispatch_slowly(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """Call the handlers for any packet."""
        found = self._read_packet(data, client_address)
        origin = Origin(self.name, client_address)
        now = self.scheduler.clock_ns() if found and found[-1][0] is not None else 0
        found = by_tag(found) if self.forwards_tags else found
        # Messages of one time tag stay together: in OSC 1.0 a bundle is atomic.
        for timetag, group in groupby(found, key=itemgetter(0)):
            if timetag is not None and self.forwards_tags:
                timetag = ForwardedTag.of(timetag)
            calls = [
                (target, Message(head.address, head.types, values, timetag, origin))
                for _, _, target, head, values in group
            ]
            if timetag is None:
                self._call_all(calls, client_address, reply)
            else:
                self._call_when_due(timetag, now, calls, client_address, reply)

    def _call_when_due(
        self,
        timetag: TimeTag,
        now: int,
        calls: list[tuple[Target, Message]],
        client_address: ClientAddress,
        reply: Reply,
    ) -> None:
        """Call the handlers of messages with one time tag, which may be in the future."""
        watcher = self._watcher
        about = (calls, client_address, reply)
        later = partial(self._call_all, *about, watcher is not None, self._binding)
        if not self._wait(timetag, now, later, len(calls), client_address):
            self._call_all(calls, client_address, reply)
            if isinstance(timetag, ForwardedTag):
                timetag.complete()
        elif watcher is not None:
            for _, message in calls:
                watcher(message)

    def _call_all(
        self,
        calls: list[tuple[Target, Message]],
        client_address: ClientAddress,
        reply: Reply,
        was_watched: bool = False,
        binding: int | None = None,
    ) -> None:
        if binding not in (None, self._binding):
            calls = [(self._target(each.address, each.types), each) for _, each in calls]
        for target, message in calls:  # it may be abandoned meanwhile
            call = self._screened if was_watched and not self._is_abandoned else self._call
            call(target, message, client_address, reply)

    def _call_plain(
        self,
        plain: tuple[Callable[..., object], ...],
        arguments: tuple[Argument, ...],
        client: ClientAddress,
        reply: Reply,
    ) -> None:
        """Call callbacks with an address and arguments."""
        for callback in plain:
            try:
                result = callback(*arguments)
            except Exception as error:
                self._failed(callback, str(arguments[0]), error)
                continue
            if result is not None:
                reply(client, result)

    def _read_packet(self, data: bytes, client_address: ClientAddress) -> list[ReadMessage]:
        """Read and count all messages of a packet before any of them runs; none if invalid.

        A message with an unknown type tag costs only itself (OSC 1.0: "discard the message").
        """
        self.statistics.packets += 1
        discarded: list[DecodeError] = []
        deviations: list[Deviation] = []
        try:
            found = self._read_all(data, discarded, deviations)
        except DecodeError as error:
            self.report_bad(error, client_address)
            return []
        self.statistics.messages += len(found)
        for each in discarded:
            self.report_bad(each, client_address)
        for reason, what in deviations:
            self.report_deviation(reason, what, client_address)
        return found
