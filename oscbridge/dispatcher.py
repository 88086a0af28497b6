"""Maps OSC addresses to handlers. Knows no socket.

The cost of a message does not depend on how many addresses are mapped. A show sends the
same few hundred heads (address and type tags, the first bytes of a packet) over and over,
so everything that follows from a head is worked out once and kept in one bounded
dictionary from those bytes: the handlers, and how the values are read.
"""

from __future__ import annotations

import inspect
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeAlias, cast, runtime_checkable

from oscbridge.errors import DecodeError, PatternError
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Head, Message, Origin, encode_message, head_key, read_arguments
from oscbridge.osc.message import read_head as parse_head
from oscbridge.osc.packet import split_packet
from oscbridge.osc.pattern import Pattern, Subject, is_pattern
from oscbridge.osc.types import Argument
from oscbridge.report import Reporter
from oscbridge.scheduler import Scheduler

__all__ = ["Bindable", "ClientAddress", "Dispatcher", "Handler", "Reply", "encode_reply"]

MAX_HEADS: Final = 8_192
"""Heads that a dispatcher remembers. When full it forgets them all and starts again."""

MAX_HEAD: Final = 256
"""Bytes of a head that is remembered."""

ClientAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
Reply: TypeAlias = Callable[[ClientAddress, object], None]
"""Takes what a handler returned, if it was not None, and the client to answer."""

_Call: TypeAlias = Callable[[ClientAddress, Message], object]

_log: Final = logging.getLogger(__name__)


@runtime_checkable
class Bindable(Protocol):
    """A handler that prepares itself once for every address and type tags that it meets."""

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], object] | None:
        """What to call with each such message, or None for nothing."""


class Handler:
    """A callback and how it wants to be called."""

    def __init__(
        self,
        _callback: Callable[..., object] | Bindable,
        _args: list[object],
        _needs_reply_address: bool = False,
        _needs_message: bool = False,
    ) -> None:
        self.callback = _callback
        self.args = _args
        self.needs_reply_address = _needs_reply_address
        self.needs_message = _needs_message

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Handler)
            and self.callback == other.callback
            and self.args == other.args
            and self.needs_reply_address == other.needs_reply_address
            and self.needs_message == other.needs_message
        )

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Handler {getattr(self.callback, '__qualname__', self.callback)!s}>"

    @property
    def plain(self) -> bool:
        """Called with the address and the arguments alone."""
        return not (
            self.args
            or self.needs_reply_address
            or self.needs_message
            or isinstance(self.callback, Bindable)
        )

    def invoke(self, client_address: ClientAddress, message: Message) -> object:
        """Call the callback with a message and return what it returns."""
        call = self._call(message.address, message.types, {})
        return None if call is None else call(client_address, message)

    async def async_invoke(self, client_address: ClientAddress, message: Message) -> object:
        """Call the callback, await it if it is a coroutine, and return what it returns."""
        result = self.invoke(client_address, message)
        return await result if inspect.isawaitable(result) else result

    def _call(self, address: str, types: str | None, captures: dict[str, str]) -> _Call | None:
        """The callback as a function of client and message."""
        if isinstance(self.callback, Bindable):
            bound = self.callback.bind(address, types, captures)
            return None if bound is None else lambda _client, message: bound(message)
        callback, args = self.callback, self.args
        if self.needs_message:
            return lambda _client, message: callback(message)
        if self.needs_reply_address:
            if args:
                return lambda client, message: callback(
                    client, message.address, args, *message.args
                )
            return lambda client, message: callback(client, message.address, *message.args)
        if args:
            return lambda _client, message: callback(message.address, args, *message.args)
        return lambda _client, message: callback(message.address, *message.args)


class _Target(NamedTuple):
    """What follows from an address and type tags."""

    address: str
    calls: tuple[tuple[_Call, Handler], ...]
    plain: tuple[tuple[Callable[..., object], Handler], ...] | None
    """The callbacks themselves, when all of them take just the address and the arguments."""


class _Plan(NamedTuple):
    """What follows from a head."""

    length: int
    """The only length that such a packet can have; -1 when its values decide."""
    start: int
    read: Callable[[bytes, int], tuple[Argument, ...]]
    head: Head
    target: _Target


@dataclass(slots=True)
class Statistics:
    """What a dispatcher has counted."""

    packets: int = 0
    messages: int = 0
    unmatched: int = 0
    """Messages for which there was no handler."""
    failed: int = 0
    """Calls of handlers that raised."""
    early: int = 0
    """Messages with a future time tag that ran at once, as the scheduler was full."""
    bad: Counter[str] = field(default_factory=Counter)
    """Packets that were no OSC, by :attr:`DecodeError.reason`."""


class Dispatcher:
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
        self.name = name
        """What the origin of this dispatcher's messages is called."""
        self.limits = limits
        self.scheduler = Scheduler() if scheduler is None else scheduler
        self.statistics = Statistics()
        self._strict_timing = strict_timing
        self._map: dict[str, list[Handler]] = {}
        self._patterns: dict[str, Pattern] = {}
        self._subjects: dict[str, Subject] = {}
        self._default_handler: Handler | None = None
        self._plans: dict[bytes, _Plan] = {}
        self._targets: dict[tuple[str, str | None], _Target] = {}
        self._reporter = Reporter(_log)

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
        if address not in self._map:
            if is_pattern(address):
                self._patterns[address] = Pattern(address, mapped=True)
            else:
                self._subjects[address] = Subject(address)
        mapped = Handler(handler, list(args), needs_reply_address, needs_message)
        self._map.setdefault(address, []).append(mapped)
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
        try:
            self._map.get(address, []).remove(handler)
        except ValueError:
            raise ValueError(f"address {address!r} has no handler {handler!r}") from None
        if not self._map[address]:
            for table in (self._map, self._patterns, self._subjects):
                table.pop(address, None)
        self._forget()

    def set_default_handler(
        self, handler: Callable[..., object] | None, needs_reply_address: bool = False
    ) -> None:
        """Call ``handler`` for messages that no other handler is mapped to; None for none."""
        self._default_handler = (
            None if handler is None else Handler(handler, [], needs_reply_address)
        )
        self._forget()

    def handlers_for_address(self, address_pattern: str) -> Iterator[Handler]:
        """The handlers that a message to this address, or pattern, would call."""
        for handler, _captures in self._match(address_pattern):
            yield handler

    def _forget(self) -> None:
        # New dictionaries, as another thread may be about to add to the old ones.
        self._plans = {}
        self._targets = {}

    def _match(self, address: str) -> list[tuple[Handler, dict[str, str]]]:
        """The handlers for an address, each with what its captures stand for."""
        found: dict[str, dict[str, str]] = {}
        if address in self._map:
            found[address] = {}
        if is_pattern(address):
            try:
                pattern = Pattern(address)
            except PatternError:
                pass  # it matches nothing but its own text
            else:
                for mapped, exact in self._subjects.items():
                    if pattern.matches(exact):
                        found[mapped] = {}
        if self._patterns:
            subject = Subject(address)
            for mapped, pattern in self._patterns.items():
                captures = pattern.capture(subject)
                if captures is not None:
                    found[mapped] = captures
        if not found:
            return [] if self._default_handler is None else [(self._default_handler, {})]
        order = found if len(found) == 1 else [mapped for mapped in self._map if mapped in found]
        return [(handler, found[mapped]) for mapped in order for handler in self._map[mapped]]

    # --- dispatching -----------------------------------------------------------------------

    def dispatch(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """Call the handlers for a packet: the one way that every server takes.

        What a handler returns, if not None, goes to ``reply`` with the client's address;
        it may be a coroutine. Raises nothing: bad packets are counted and reported.
        """
        plan = self._plans.get(data[: data.find(b"\0", data.find(b","))])
        if plan is None:
            self._dispatch_any(data, client_address, reply)
            return
        statistics = self.statistics
        statistics.packets += 1
        try:
            values = (
                plan.read(data, plan.start)
                if plan.length == len(data)
                else read_arguments(plan.head, data, self.limits)
            )
        except DecodeError as error:
            self.report_bad(error, client_address)
            return
        statistics.messages += 1
        target = plan.target
        if target.plain is None:
            head = plan.head
            origin = Origin(self.name, client_address)
            message = Message(head.address, head.types, values, None, origin)
            self._call(target, message, client_address, reply)
            return
        address = target.address
        for callback, handler in target.plain:
            try:
                result = callback(address, *values)
            except Exception as error:
                self._failed(handler, address, error)
                continue
            if result is not None:
                reply(client_address, result)

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
                    self.report_failure("coroutine", error)
                    continue
            if result is not None:
                results.append(result)
        return results

    def report_bad(self, error: DecodeError, client_address: ClientAddress) -> None:
        """Count and report a packet that is no OSC."""
        self.statistics.bad[error.reason] += 1
        self._reporter.report(error.reason, f"bad packet from {_name(client_address)}: {error}")

    def report_failure(self, where: str, error: BaseException) -> None:
        """Count and report a handler that raised. ``where`` names it and its address."""
        self.statistics.failed += 1
        self._reporter.report(where, f"{where} raised {error!r}", level=logging.ERROR, error=error)

    def _failed(self, handler: Handler, address: str, error: Exception) -> None:
        self.report_failure(f"handler {handler!r} for {address}", error)

    def _dispatch_any(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        """The whole of :meth:`dispatch`, for packets that its first lines cannot serve."""
        statistics = self.statistics
        statistics.packets += 1
        try:
            # All of a packet is read before any of it runs: a bad packet does nothing.
            found = [
                (*self._read(message), timetag)
                for message, timetag in split_packet(data, self.limits)
            ]
        except DecodeError as error:
            self.report_bad(error, client_address)
            return
        statistics.messages += len(found)
        origin = Origin(self.name, client_address)
        now = 0
        for target, head, values, timetag in found:
            message = Message(head.address, head.types, values, timetag, origin)
            if self._strict_timing and timetag is not None and not timetag.immediate:
                now = now or self.scheduler.clock_ns()
                due = timetag.unix_ns()
                if due > now:
                    action = partial(self._call, target, message, client_address, reply)
                    if self.scheduler.add(due, action):
                        continue
                    statistics.early += 1
            self._call(target, message, client_address, reply)

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
        # The key is the head only if the first comma began the type tags (see head_key).
        if head.types is not None and (len(key) + 4) & ~3 == head.start and len(key) <= MAX_HEAD:
            size = head.layout.size
            length = -1 if size < 0 else head.start + size
            if len(plans) >= MAX_HEADS:
                plans.clear()
            plans[key] = _Plan(length, head.start, head.layout.read, head, target)
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
            if (call := handler._call(address, types, captures)) is not None
        )
        plain = None
        if all(handler.plain for handler, _ in matched):
            plain = tuple((cast(Callable[..., object], h.callback), h) for h, _ in matched)
        target = _Target(address, calls, plain if calls else None)
        if len(address) <= MAX_HEAD:
            if len(targets) >= MAX_HEADS:
                targets.clear()
            targets[address, types] = target
        return target

    def _call(
        self, target: _Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        if not target.calls:
            self.statistics.unmatched += 1
            return
        for call, handler in target.calls:
            try:
                result = call(client_address, message)
            except Exception as error:
                self._failed(handler, message.address, error)
                continue
            if result is not None:
                reply(client_address, result)


def encode_reply(result: object) -> bytes:
    """The packet for what a handler returned: an address, ``(address, *args)`` or a message.

    Raises :class:`~oscbridge.errors.EncodeError` for anything else.
    """
    match result:
        case Message():
            return encode_message(result)
        case (address, *args):
            return encode_message(Message.of(_text(address), *cast(list[Argument], args)))
        case _:
            return encode_message(Message.of(_text(result)))


def _text(address: object) -> str:
    return address.decode() if isinstance(address, bytes) else str(address)


def _name(client_address: ClientAddress) -> str:
    return f"{client_address[0]}:{client_address[1]}"
