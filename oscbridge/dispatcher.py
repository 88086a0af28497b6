"""Maps OSC addresses to handlers. Knows no socket.

The cost of a message does not depend on how many addresses are mapped. A show sends the
same few hundred heads (address and type tags, the first bytes of a packet) over and over,
so everything that follows from a head is worked out once and kept in one bounded
dictionary from those bytes: the handlers, and how the values are read.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias, cast

from oscbridge.address_map import AddressMap
from oscbridge.errors import DecodeError, LimitError
from oscbridge.handler import Bindable, Call, ClientAddress, Handler, Reply
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Head, Message, Origin, head_key, read_arguments
from oscbridge.osc.message import read_head as parse_head
from oscbridge.osc.packet import encode_bundle, split_packet
from oscbridge.osc.timetag import TimeTag
from oscbridge.osc.types import Argument
from oscbridge.scheduler import Scheduler
from oscbridge.statistics import Reporting, name_of

__all__ = ["Dispatcher", "Handler", "Watcher"]

MAX_HEADS: Final = 8_192
"""Heads that a dispatcher remembers. When full it forgets them all and starts again."""

MAX_CALLS: Final = 32_768
"""Calls that the remembered heads may stand for together: a pattern may stand for thousands."""

MAX_HEAD: Final = 256
"""Bytes of a head that is remembered."""

Watcher: TypeAlias = Callable[[Message], None]

_log: Final = logging.getLogger(__name__)


class _Target(NamedTuple):
    """What follows from an address and type tags."""

    calls: tuple[tuple[Call, Handler], ...]
    plain: tuple[Callable[..., object], ...] | None
    """The callbacks themselves, when all of them take just the address and the arguments."""


class _Plan(NamedTuple):
    """What follows from a head."""

    length: int
    """The only length that such a packet can have; -1 when its values decide."""
    start: int
    read: Callable[[bytes, int], tuple[Argument, ...]]
    address: str
    plain: tuple[Callable[..., object], ...] | None
    head: Head
    target: _Target


class Dispatcher(Reporting):
    """Maps addresses to handlers and calls those that a packet asks for.

    An address of a message may be a pattern as OSC 1.0 specifies; it is held against the
    mapped addresses. A mapped address may hold wildcards as well: there ``*`` also crosses
    parts. Handlers run in the order in which their addresses were first mapped.

    With ``strict_timing`` messages with a future time tag wait in :attr:`scheduler`, which
    every server of this package drives; without it they run at once. A handler that raises
    is reported with its address; the others run.
    """

    def __init__(
        self,
        strict_timing: bool = True,
        *,
        name: str = "",
        limits: Limits = DEFAULT_LIMITS,
        scheduler: Scheduler | None = None,
    ) -> None:
        super().__init__(_log)
        self.name = name
        """What the origin of this dispatcher's messages is called."""
        self.limits = limits
        self.scheduler = Scheduler() if scheduler is None else scheduler
        self.strict_timing = strict_timing
        self._map = AddressMap()
        self._default_handler: Handler | None = None
        self._plans: dict[bytes, _Plan] = {}
        self._targets: dict[tuple[str, str | None], _Target] = {}
        self._remembered_calls = 0
        self._watcher: Watcher | None = None
        self._on_left: Callable[[ClientAddress], None] | None = None
        self._call: Callable[[_Target, Message, ClientAddress, Reply], None] = self._call_handlers

    # --- mapping ---------------------------------------------------------------------------

    def map(
        self,
        address: str,
        handler: Callable[..., object] | Bindable,
        *args: object,
        needs_reply_address: bool = False,
        needs_message: bool = False,
    ) -> Handler:
        """Call ``handler`` for messages to ``address``.

        It is called with the address and the message's arguments; with ``args``, their list
        comes between; with ``needs_reply_address`` the client's address comes first. With
        ``needs_message`` it is called with the :class:`~oscbridge.osc.Message` alone, which
        has the type tags, the time tag and the origin as well.

        It may return None, an address, or ``(address, *args)``: a message for the client.
        Raises :class:`PatternError` for an address whose wildcards are not well formed.
        """
        mapped = Handler(handler, list(args), needs_reply_address, needs_message)
        self._map.add(address, mapped)
        self._forget()
        return mapped

    def unmap(
        self,
        address: str,
        handler: Handler | Callable[..., object] | Bindable,
        *args: object,
        needs_reply_address: bool = False,
        needs_message: bool = False,
    ) -> None:
        """Undo a :meth:`map`, by the handler it returned or by the same arguments.

        Raises ``ValueError`` if there is no such mapping.
        """
        if not isinstance(handler, Handler):
            handler = Handler(handler, list(args), needs_reply_address, needs_message)
        self._map.remove(address, handler)
        self._forget()

    def set_default_handler(
        self, handler: Callable[..., object] | None, needs_reply_address: bool = False
    ) -> None:
        """Call ``handler`` for messages that no other handler is mapped to; None for none."""
        self._default_handler = (
            None if handler is None else Handler(handler, [], needs_reply_address)
        )
        self._forget()

    @property
    def is_mapped(self) -> bool:
        """Whether there is any handler."""
        return bool(self._map) or self._default_handler is not None

    def handlers_for_address(self, address_pattern: str) -> Iterator[Handler]:
        """The handlers that a message to this address, or pattern, would call."""
        for handler, _captures in self._match(address_pattern):
            yield handler

    def adopt(self, other: Dispatcher) -> None:
        """Take over the mapping of another dispatcher, all of it at once, in place of this one's.

        From any thread, while others dispatch: each message meets the old mapping or the new.
        """
        self._default_handler = other._default_handler
        self._on_left = other._on_left
        self._map = other._map
        self._forget()

    def when_left(self, function: Callable[[ClientAddress], None] | None) -> None:
        """Have ``function`` called when the connection of a client is over; None for nothing.

        It runs where the handlers run and must not wait.
        """
        self._on_left = function

    def client_left(self, client_address: ClientAddress) -> None:
        """The connection of a client is over: called by who serves it."""
        if self._on_left is not None:
            self._on_left(client_address)

    def watch(self, watcher: Watcher | None) -> None:
        """Have ``watcher`` called with every message, before its handlers; None for nobody.

        It runs where the handlers run and must not wait. It costs nothing while there is none.
        """
        self._watcher = watcher
        self._call = self._call_handlers if watcher is None else self._call_watched
        self._forget()

    def _forget(self) -> None:
        # New dictionaries, as another thread may be about to add to the old ones. The plans
        # last: who finds them new must find all that they are made of new.
        self._targets = {}
        self._remembered_calls = 0
        self._plans = {}

    def _match(self, address: str) -> list[tuple[Handler, dict[str, str]]]:
        found = self._map.match(address)
        if not found and self._default_handler is not None:
            return [(self._default_handler, {})]
        return found

    # --- dispatching -----------------------------------------------------------------------

    def dispatch(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """Call the handlers for one packet, as :meth:`dispatch_all` does."""
        self.dispatch_all(((data, client_address),), reply)

    def dispatch_all(self, batch: Iterable[tuple[bytes, ClientAddress]], reply: Reply) -> None:
        """Call the handlers for packets, in order: the one way that every server takes.

        What a handler returns, if not None, goes to ``reply`` with the client's address;
        it may be a coroutine. Raises nothing: bad packets are counted and reported.
        """
        count = 0
        try:
            for data, client in batch:
                plan = self._plans.get(data[: data.find(b"\0", data.find(b","))])
                if plan is None:
                    self._dispatch_any(data, client, reply)
                    continue
                # One unpacking costs less than seven look-ups.
                length, start, read, address, plain, _, _ = plan
                if length != len(data) or plain is None:
                    self._dispatch_known(plan, data, client, reply)
                    continue
                count += 1
                values = read(data, start)
                for callback in plain:
                    try:
                        result = callback(address, *values)
                    except Exception as error:
                        self._failed(callback, address, error)
                        continue
                    if result is not None:
                        reply(client, result)
        finally:
            self.statistics.packets += count
            self.statistics.messages += count

    def _dispatch_known(
        self, plan: _Plan, data: bytes, client_address: ClientAddress, reply: Reply
    ) -> None:
        """A single message whose head is known, and whose values or handlers need care."""
        self.statistics.packets += 1
        try:
            if plan.length == len(data):
                values = plan.read(data, plan.start)
            else:
                values = read_arguments(plan.head, data, self.limits)
        except DecodeError as error:
            self.report_bad(error, client_address)
            return
        self.statistics.messages += 1
        origin = Origin(self.name, client_address)
        message = Message(plan.address, plan.head.types, values, None, origin)
        self._call(plan.target, message, client_address, reply)

    def dispatch_message(
        self, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        """Call the handlers for a message that is decoded already, at once."""
        self.statistics.messages += 1
        target = self._target(message.address, message.types)
        self._call(target, message, client_address, reply)

    def call_handlers_for_packet(self, data: bytes, client_address: ClientAddress) -> list[object]:
        """Call the handlers for a packet and return what they returned, None left out.

        With ``strict_timing`` messages with a future time tag are left in :attr:`scheduler`.
        """
        results: list[object] = []
        self.dispatch(data, client_address, lambda _client, result: results.append(result))
        return results

    async def async_call_handlers_for_packet(
        self, data: bytes, client_address: ClientAddress
    ) -> list[object]:
        """The same, awaiting coroutine handlers one after another."""
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

    def examine(
        self, data: bytes, client_address: ClientAddress, run: Callable[[bytes], None]
    ) -> None:
        """Hand to ``run`` what of a packet has handlers, as packets, each when it is due.

        Messages with one time tag stay together. For who runs handlers elsewhere, where
        :attr:`strict_timing` is to be off; calls none. Bad packets are counted and reported.
        """
        statistics = self.statistics
        statistics.packets += 1
        try:
            found = self._read_all(data)
        except DecodeError as error:
            self.report_bad(error, client_address)
            return
        statistics.messages += len(found)
        now = self.scheduler.clock_ns()
        for timetag, group in groupby(found, key=itemgetter(0)):
            messages = []
            for _, message, target, _, _ in group:
                if target.calls:
                    messages.append(message)
                else:
                    statistics.unmatched += 1
            if timetag is None:
                for message in messages:
                    run(message)
            elif messages:
                later = partial(run, encode_bundle(messages, timetag))
                if not self._wait(timetag, now, later, len(messages)):
                    later()

    def _failed(self, callback: object, address: str, error: Exception) -> None:
        name = getattr(callback, "__qualname__", None) or repr(callback)
        self.report_failure(f"handler {name}", error, f" for {address}")

    def _dispatch_any(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """The whole of :meth:`dispatch`, for packets that its first lines cannot serve."""
        statistics = self.statistics
        statistics.packets += 1
        try:
            # All of a packet is read before any of it runs: a bad packet does nothing.
            found = self._read_all(data)
        except DecodeError as error:
            self.report_bad(error, client_address)
            return
        statistics.messages += len(found)
        origin = Origin(self.name, client_address)
        now = self.scheduler.clock_ns() if found and found[-1][0] is not None else 0
        # Messages under one time tag stay together: OSC 1.0 has a bundle atomic.
        for timetag, group in groupby(found, key=itemgetter(0)):
            calls = [
                (target, Message(head.address, head.types, values, timetag, origin))
                for _, _, target, head, values in group
            ]
            run = partial(self._call_all, calls, client_address, reply)
            if timetag is None or not self._wait(timetag, now, run, len(calls)):
                run()

    def _wait(self, timetag: TimeTag, now: int, run: Callable[[], None], count: int) -> bool:
        """Whether messages with a time tag are to run later, or not at all."""
        if timetag.immediate or not self.strict_timing:
            return False
        due = timetag.unix_ns()
        if due <= now:
            return False
        if self.scheduler.add(due, run, count):
            return True
        if self.scheduler.beyond == "drop":
            self.statistics.too_far += count
            return True
        self.statistics.early += count
        return False

    def _call_all(
        self, calls: list[tuple[_Target, Message]], client_address: ClientAddress, reply: Reply
    ) -> None:
        for target, message in calls:
            self._call(target, message, client_address, reply)

    def _read_all(
        self, data: bytes
    ) -> list[tuple[TimeTag | None, bytes, _Target, Head, tuple[Argument, ...]]]:
        """All messages of a packet: time tag, encoded, and what :meth:`_read` says."""
        found: list[tuple[TimeTag | None, bytes, _Target, Head, tuple[Argument, ...]]] = []
        calls = 0
        for message, timetag in split_packet(data, self.limits):
            read = self._read(message)
            calls += len(read[0].calls)
            if found and calls > self.limits.calls:
                text = f"a bundle asks for more than {self.limits.calls} calls of handlers"
                raise LimitError("calls", text)
            found.append((timetag, message, *read))
        return found

    def _read(self, data: bytes) -> tuple[_Target, Head, tuple[Argument, ...]]:
        """The target, the head and the values of one encoded message."""
        key = head_key(data)
        plan = self._plans.get(key)
        if plan is not None:
            if plan.length == len(data):
                return plan.target, plan.head, plan.read(data, plan.start)
            return plan.target, plan.head, read_arguments(plan.head, data, self.limits)
        head = parse_head(data, self.limits)
        values = read_arguments(head, data, self.limits)
        plans = self._plans
        target = self._target(head.address, head.types)
        # The key is the head only if the first comma began the type tags (see head_key). And
        # where a head can fill a packet to its last byte, one without its NUL has the same key.
        size = head.layout.size
        if (
            head.types is not None
            and (len(key) + 4) & ~3 == head.start
            and len(key) <= MAX_HEAD
            and (size or len(key) & 3 != 3)
        ):
            # Characters may be none, whatever the length.
            length = -1 if size < 0 or "c" in head.types else head.start + size
            if len(plans) >= MAX_HEADS:
                plans.clear()
            plans[key] = _Plan(
                length, head.start, head.layout.read, head.address, target.plain, head, target
            )
        return target, head, values

    def _target(self, address: str, types: str | None) -> _Target:
        targets = self._targets
        target = targets.get((address, types))
        if target is not None:
            return target
        matched = self._match(address)
        calls = tuple(
            (call, handler)
            for handler, captures in matched
            if (call := _prepare(handler, address, types, captures)) is not None
        )
        plain = None
        if calls and self._watcher is None and all(handler.plain for handler, _ in matched):
            plain = tuple(cast(Callable[..., object], handler.callback) for handler, _ in matched)
        target = _Target(calls, plain)
        if len(address) + len(types or "") <= MAX_HEAD:
            if len(targets) >= MAX_HEADS or self._remembered_calls + len(calls) > MAX_CALLS:
                self._forget()  # the plans as well: they hold targets
                targets = self._targets
            self._remembered_calls += len(calls)
            targets[address, types] = target
        return target

    def seen(self, data: bytes, client_address: ClientAddress) -> None:
        """Show the messages of a packet, which is handled elsewhere, to who watches."""
        if self._watcher is None:
            return
        try:
            found = self._read_all(data)
        except DecodeError:
            return  # counted where it is handled
        origin = Origin(self.name, client_address)
        for timetag, _, _, head, values in found:
            self._watcher(Message(head.address, head.types, values, timetag, origin))

    def _call_watched(
        self, target: _Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        watcher = self._watcher  # another thread may take it away
        if watcher is not None:
            watcher(message)
        self._call_handlers(target, message, client_address, reply)

    def _call_handlers(
        self, target: _Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        if not target.calls:
            self.statistics.unmatched += 1
            return
        for call, handler in target.calls:
            try:
                result = call(client_address, message)
            except Exception as error:
                self._failed(handler.callback, message.address, error)
                continue
            if result is not None:
                reply(client_address, result)


def _prepare(
    handler: Handler, address: str, types: str | None, captures: dict[str, str]
) -> Call | None:
    """The handler's call; if it cannot be bound, one that raises what the binding raised."""
    try:
        return handler.call(address, types, captures)
    except Exception as error:
        problem, traceback = error, error.__traceback__

    def fail(_client: ClientAddress, _message: Message) -> object:
        raise problem.with_traceback(traceback)  # or its traceback grows with each raise

    return fail
