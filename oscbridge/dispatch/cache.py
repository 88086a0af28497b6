"""Addresses and their handlers, and what follows from a head, remembered.

A show sends the same few hundred heads (address and type tags, the first bytes of a packet)
over and over, so everything that follows from a head is worked out once and kept in one
bounded dictionary from those bytes: the handlers, and how the values are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias, cast

from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Bindable, Call, ClientAddress, Handler
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Head, Message, head_key, read_arguments
from oscbridge.osc.message import read_head as parse_head
from oscbridge.osc.values import Argument

__all__ = ["DecodePlan", "DispatchCache", "Target", "Watcher"]

MAX_HEADS: Final = 8_192
"""Heads that a dispatcher remembers. When full it forgets them all and starts again."""

MAX_CALLS: Final = 32_768
"""Calls that the remembered heads may stand for together: a pattern may stand for thousands."""

MAX_HEAD: Final = 256
"""Bytes of a head that is remembered."""

Watcher: TypeAlias = Callable[[Message], None]


class Target(NamedTuple):
    """What follows from an address and type tags."""

    calls: tuple[tuple[Call, Handler], ...]
    plain: tuple[Callable[..., object], ...] | None
    """The callbacks themselves, when all of them take just the address and the arguments."""


class DecodePlan(NamedTuple):
    """What follows from a head."""

    length: int
    """The only length that such a packet can have; -1 when its values decide."""
    start: int
    read: Callable[[bytes, int], tuple[Argument, ...]]
    address: str
    plain: tuple[Callable[..., object], ...] | None
    head: Head
    target: Target


class DispatchCache:
    """Maps addresses to handlers, and remembers what follows from the heads of packets.

    An address of a message may be a pattern as OSC 1.0 specifies; it is held against the
    mapped addresses. A mapped address may hold wildcards as well: there ``*`` also crosses
    parts. Handlers come in the order in which their addresses were first mapped.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._map = AddressMap()
        self._default_handler: Handler | None = None
        self._plans: dict[bytes, DecodePlan] = {}
        self._targets: dict[tuple[str, str | None], Target] = {}
        self._remembered_calls = 0
        self._watcher: Watcher | None = None
        """Called with every message, if there is one: so none is without a :class:`Message`."""

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

    # --- what follows from a head ----------------------------------------------------------

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

    def _read(self, data: bytes) -> tuple[Target, Head, tuple[Argument, ...]]:
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
            plans[key] = DecodePlan(
                length, head.start, head.layout.read, head.address, target.plain, head, target
            )
        return target, head, values

    def _target(self, address: str, types: str | None) -> Target:
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
        target = Target(calls, plain)
        if len(address) + len(types or "") <= MAX_HEAD:
            if len(targets) >= MAX_HEADS or self._remembered_calls + len(calls) > MAX_CALLS:
                self._forget()  # the plans as well: they hold targets
                targets = self._targets
            self._remembered_calls += len(calls)
            targets[address, types] = target
        return target


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
