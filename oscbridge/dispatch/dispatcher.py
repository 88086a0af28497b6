"""The dispatcher that programs use, with the methods of python-osc's. Independent of sockets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias, cast

from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Reply
from oscbridge.dispatch.overrides import is_replaced
from oscbridge.dispatch.packet_dispatcher import PacketDispatcher
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatch.statistics import name_of
from oscbridge.net.socket_address import ClientAddress

__all__ = ["Dispatch", "DispatchAll", "Dispatcher"]

Dispatch: TypeAlias = Callable[[bytes, ClientAddress, Reply], None]
DispatchAll: TypeAlias = Callable[[Iterable[tuple[bytes, ClientAddress]], Reply], None]

_OF_ONE_PROCESS: Final = frozenset(
    (
        *("_map", "_call", "_plans", "_targets", "_cached_calls", "_watcher", "_errors_log"),
        *("_is_abandoned", "_screen", "_screened", "_calls_directly", "_fixed", "_starts"),
        *("scheduler", "statistics", "last_failure", "last_unmatched", "last_heard", "_heard"),
        *("_latest_origin", "_texts"),
    )
)
"""Attributes that a copy does not take over: caches, counters, and waiting messages."""


class Dispatcher(PacketDispatcher):
    """Maps addresses to handlers, and calls the handlers of packets.

    With ``strict_timing``, messages with a future time tag wait in :attr:`scheduler`, which
    every server of this package drives; without it they run at once. An exception of a handler
    is logged with the address; the other handlers still run.

    Programs may override its methods, copy it and pickle it.
    """

    # --- copies ------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, object]:
        """Its settings and its mapping. A copy has no waiting messages, and counts from 0."""
        kept = {name: value for name, value in vars(self).items() if name not in _OF_ONE_PROCESS}
        scheduler = self.scheduler
        timing = (scheduler.max_pending, scheduler.horizon, scheduler.too_early)
        return {**kept, "_map": AddressMap(self._map), "scheduler": timing, "part": self.part}

    def __setstate__(self, state: dict[str, object]) -> None:
        limits = cast(tuple[int, float, Literal["run", "drop"]], state.pop("scheduler"))
        scheduler = Scheduler(limits[0], horizon=limits[1], too_early=limits[2])
        addresses, part = cast(AddressMap, state.pop("_map")), cast(str, state.pop("part"))
        PacketDispatcher.__init__(self, scheduler=scheduler)
        vars(self).update(state)
        self._map = addresses
        self._map.on_change = self._clear_cache
        self.part = part

    @property
    def _strict_timing(self) -> bool:
        """The name of :attr:`strict_timing` in python-osc."""
        return self.strict_timing

    @_strict_timing.setter
    def _strict_timing(self, on: bool) -> None:
        self.strict_timing = on

    # --- calling handlers --------------------------------------------------------------------

    def call_handlers_for_packet(self, data: bytes, client_address: ClientAddress) -> list[object]:
        """Call the handlers for a packet and return their results, except None.

        With ``strict_timing``, messages with a future time tag remain in :attr:`scheduler`.
        Servers and clients call this method if it is overridden.
        """
        results: list[object] = []
        self.dispatch(data, client_address, lambda _client, result: results.append(result))
        return results

    async def async_call_handlers_for_packet(
        self, data: bytes, client_address: ClientAddress
    ) -> list[object]:
        """As :meth:`call_handlers_for_packet`, awaiting coroutine handlers one after another.

        Servers and clients on an event loop over TCP call this method if it is overridden.
        """
        results = []
        for result in self.call_handlers_for_packet(data, client_address):
            if inspect.isawaitable(result):
                try:
                    result = await result
                except Exception as error:
                    self.report_failure(name_of(result), error)
                    continue
            if result is not None:
                results.append(result)
        return results

    # --- what servers and clients call -------------------------------------------------------

    def entry(self, *, awaits: bool = False) -> Dispatch:
        """The function for one packet: ``dispatch``, unless a program replaces what it stands for.

        ``awaits`` tells that coroutines passed to the reply are awaited in order.
        """
        if awaits and is_replaced(self, "async_call_handlers_for_packet", _ASYNC_CALL):
            return self._call_replaced_async
        if is_replaced(self, "call_handlers_for_packet", _CALL):
            return self._call_replaced
        return self.dispatch

    def entry_for_all(self) -> DispatchAll:
        """As :meth:`entry`, for many packets."""
        if not is_replaced(self, "call_handlers_for_packet", _CALL):
            return self.dispatch_all

        def dispatch_all(batch: Iterable[tuple[bytes, ClientAddress]], reply: Reply) -> None:
            for data, client in batch:
                self._call_replaced(data, client, reply)

        return dispatch_all

    def _call_replaced(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        try:
            results = self.call_handlers_for_packet(data, client_address)
        except Exception as error:
            self._failed(self.call_handlers_for_packet, "a packet", error)
            return
        for result in results or ():
            if result is not None:
                reply(client_address, result)

    def _call_replaced_async(
        self, data: bytes, client_address: ClientAddress, reply: Reply
    ) -> None:
        async def call() -> None:
            for result in await self.async_call_handlers_for_packet(data, client_address) or ():
                if result is not None:
                    reply(client_address, result)

        reply(client_address, call())


_CALL: Final = Dispatcher.call_handlers_for_packet
_ASYNC_CALL: Final = Dispatcher.async_call_handlers_for_packet
