"""Maps addresses to handlers, and caches decode plans by head.

The head of a message is its address and type tags, the first bytes of a packet. A show sends
the same few hundred heads again and again, so the handlers of a head and the way to decode its
values are determined once, and kept in a bounded dictionary with these bytes as keys.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias, cast

from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Bindable, Call, Handler
from oscbridge.dispatch.overrides import is_replaced
from oscbridge.osc.arguments import ReadText
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Head, Message, head_key, read_arguments
from oscbridge.osc.message import read_head as parse_head
from oscbridge.osc.pattern import with_stars
from oscbridge.osc.values import Argument

__all__ = ["DecodePlan", "DispatchCache", "FixedPlan", "Target", "TextPlan", "Watcher"]

_log: Final = logging.getLogger(__name__)

MAX_HEADS: Final = 16_384
"""Heads in the cache. A full cache is cleared."""

MAX_CALLS: Final = 32_768
"""Total calls of the cached heads: one pattern can call thousands of handlers."""

MAX_HEAD: Final = 256
"""Bytes of the longest head that is cached."""

Watcher: TypeAlias = Callable[[Message], None]


class Target(NamedTuple):
    """The calls for an address and type tags."""

    calls: tuple[tuple[Call, bool, Handler], ...]
    """Of each handler the function, whether it takes the message alone, and the handler."""
    plain: tuple[Callable[..., object], ...] | None
    """The callbacks, if all of them take only the address and the arguments."""


class DecodePlan(NamedTuple):
    """How to decode and dispatch the messages of a head."""

    length: int
    """The only possible size of such a packet, in bytes; -1 if it depends on the values."""
    start: int
    read: Callable[[bytes, int], tuple[Argument, ...]]
    address: str
    plain: tuple[Callable[..., object], ...] | None
    head: Head
    target: Target


FixedPlan: TypeAlias = tuple[
    int,
    int,
    Callable[[bytes, int], tuple[Argument, ...]],
    tuple[str],
    tuple[Callable[..., object], ...] | None,
    str | None,
    Call | None,
    Target,
]
"""The same for a head whose packets have one size, faster to unpack: length, start, reader, the
address in a tuple, plain callbacks, type tags, the only call if it takes the message, target."""

TextPlan: TypeAlias = tuple[
    int,
    int,
    ReadText,
    tuple[str],
    tuple[Callable[..., object], ...] | None,
    str | None,
    Call | None,
    Target,
]
"""The same for a head with strings: its length is the largest possible one."""


class DispatchCache:
    """Maps addresses to handlers, and caches a decode plan for each head.

    The address of a message may be a pattern (OSC 1.0); it is matched with the mapped
    addresses. A mapped address may contain wildcards too: there ``*`` also crosses parts.
    Handlers are called in the order in which their addresses were first mapped.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._map = AddressMap()
        self._map.on_change = self._clear_cache
        self._default_handler: Handler | None = None
        self._plans: dict[bytes, DecodePlan] = {}
        self._fixed: dict[bytes, FixedPlan] = {}
        """By heads with their padding: a slice of the packet, without looking for its end."""
        self._texts: dict[bytes, TextPlan] = {}
        """By heads without their padding, as the other plans."""
        self._starts: dict[int, int] = {}
        """The size of the head in packets of a size, probably: as in the last new one."""
        self._targets: dict[tuple[str, str | None], Target] = {}
        self._cached_calls = 0
        self._warned = False
        """Whether ``.*`` in a mapped address was logged."""
        self._watcher: Watcher | None = None
        """Called with every message. It needs a :class:`Message`, so it disables ``plain``."""

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

        It is called with the address and the message's arguments. ``args``, if given, are
        passed between them, as a list. With ``needs_reply_address`` the client's address comes
        first. With ``needs_message`` the only argument is the :class:`~oscbridge.osc.Message`,
        which also has the type tags, the time tag and the origin.

        It may return None, an address, or ``(address, *args)``: a message for the client.
        ``.*`` as a whole part of ``address`` means ``*``, with one warning: programs for
        python-osc write it. Raises :class:`PatternError` for malformed wildcards.
        """
        mapped = Handler(handler, list(args), needs_reply_address, needs_message)
        self._map.add(address, mapped)
        if not self._warned and with_stars(address) != address:
            self._warned = True
            _log.warning("%r is mapped as %r: write '*', not '.*'", address, with_stars(address))
        return mapped

    def unmap(
        self,
        address: str,
        handler: Handler | Callable[..., object] | Bindable,
        *args: object,
        needs_reply_address: bool = False,
        needs_message: bool = False,
    ) -> None:
        """Undo a :meth:`map`, given the handler it returned or the same arguments.

        Raises ``ValueError`` if the mapping does not exist.
        """
        if not isinstance(handler, Handler):
            handler = Handler(handler, list(args), needs_reply_address, needs_message)
        self._map.remove(address, handler)

    def set_default_handler(
        self, handler: Callable[..., object] | None, needs_reply_address: bool = False
    ) -> None:
        """Call ``handler`` for messages without a mapped handler. None removes it."""
        self._default_handler = (
            None if handler is None else Handler(handler, [], needs_reply_address)
        )
        self._clear_cache()

    @property
    def is_mapped(self) -> bool:
        """Whether a handler is mapped."""
        return bool(self._map) or self._default_handler is not None

    def handlers_for_address(self, address_pattern: str) -> Iterator[Handler]:
        """The handlers that a message with this address, or pattern, calls."""
        for handler, _captures in self._mapped(address_pattern):
            yield handler

    # --- cache ------------------------------------------------------------------------------

    def _clear_cache(self) -> None:
        # New dictionaries, as another thread may be about to add to the old ones. The plans
        # last: a thread that sees the new ones must also see the other new ones.
        self._targets = {}
        self._cached_calls = 0
        self._fixed = {}
        self._texts = {}
        self._plans = {}

    @property
    def _chooses(self) -> bool:
        """Whether a program has its own :meth:`handlers_for_address`, asked for every message."""
        return is_replaced(self, "handlers_for_address", _HANDLERS_FOR_ADDRESS)

    def _match(self, address: str) -> list[tuple[Handler, dict[str, str]]]:
        if self._chooses:
            return [(handler, {}) for handler in self.handlers_for_address(address)]
        return self._mapped(address)

    def _mapped(self, address: str) -> list[tuple[Handler, dict[str, str]]]:
        found = self._map.match(address)
        if not found and self._default_handler is not None:
            return [(self._default_handler, {})]
        return found

    def _read(self, data: bytes) -> tuple[Target, Head, tuple[Argument, ...]]:
        """The target, the head and the values of a message that conforms to OSC."""
        key = head_key(data)
        plan = self._plans.get(key)
        if plan is not None:
            if plan.length == len(data):
                self._starts[plan.length] = plan.start
                return plan.target, plan.head, plan.read(data, plan.start)
            return plan.target, plan.head, read_arguments(plan.head, data, self.limits)
        head = parse_head(data, self.limits)
        values = read_arguments(head, data, self.limits)
        plans, fixed, texts = self._plans, self._fixed, self._texts
        target = self._target(head.address, head.types)
        # The key is the head only if the first comma began the type tags (see head_key). If a
        # head can extend to the last byte of a packet, one without its NUL has the same key.
        size = head.layout.size
        if (
            head.types is not None
            and (len(key) + 4) & ~3 == head.start
            and len(key) <= MAX_HEAD
            and (size or len(key) & 3 != 3)
            and not self._chooses
        ):
            # A char can be invalid whatever the size.
            length = -1 if size < 0 or "c" in head.types else head.start + size
            if len(plans) >= MAX_HEADS:
                plans.clear()
                fixed.clear()
                texts.clear()
            plans[key] = plan = DecodePlan(
                length, head.start, head.layout.read, head.address, target.plain, head, target
            )
            if length >= 0:
                fixed[data[: head.start]] = (length, head.start, head.layout.read, *_common(plan))
                self._starts[length] = head.start
            elif head.layout.read_text is not None:
                most, read_text = self.limits.max_packet_size, head.layout.read_text
                texts[key] = (most, head.start, read_text, *_common(plan))
        return target, head, values

    def _target(self, address: str, types: str | None) -> Target:
        targets = self._targets
        target = targets.get((address, types))
        if target is not None:
            return target
        matched = self._match(address)
        calls = tuple(
            (call, handler.takes_message, handler)
            for handler, captures in matched
            if (call := _prepare(handler, address, types, captures)) is not None
        )
        plain = None
        if calls and self._watcher is None and all(handler.plain for handler, _ in matched):
            plain = tuple(cast(Callable[..., object], handler.callback) for handler, _ in matched)
        target = Target(calls, plain)
        if len(address) + len(types or "") <= MAX_HEAD and not self._chooses:
            if len(targets) >= MAX_HEADS or self._cached_calls + len(calls) > MAX_CALLS:
                self._clear_cache()  # the plans too, as they contain targets
                targets = self._targets
            self._cached_calls += len(calls)
            targets[address, types] = target
        return target


_HANDLERS_FOR_ADDRESS: Final = DispatchCache.handlers_for_address


_Common: TypeAlias = tuple[
    tuple[str], tuple[Callable[..., object], ...] | None, str | None, Call | None, Target
]


def _common(plan: DecodePlan) -> _Common:
    """What the faster plans have in common."""
    target = plan.target
    only = target.calls[0][0] if len(target.calls) == 1 and target.calls[0][1] else None
    return (plan.address,), plan.plain, plan.head.types, only, target


def _prepare(
    handler: Handler, address: str, types: str | None, captures: dict[str, str]
) -> Call | None:
    """The handler's call; if binding fails, one that raises the same exception."""
    try:
        return handler.call(address, types, captures)
    except Exception as error:
        problem, traceback = error, error.__traceback__

    def fail(*_args: object) -> object:
        raise problem.with_traceback(traceback)  # else its traceback grows with each raise

    return fail
