"""The handlers of an address, or of an address pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from oscbridge.dispatch.handler import Handler
from oscbridge.errors import PatternError
from oscbridge.osc.pattern import Pattern, Subject, Subjects, is_pattern

__all__ = ["AddressMap"]


def _order(call: tuple[Handler, dict[str, str]]) -> int:
    return call[0].order


class AddressMap(dict[str, list[Handler]]):
    """Handlers by mapped address, in the order in which the addresses were first mapped.

    Handlers with an :attr:`~oscbridge.dispatch.handler.Handler.order` are called in that order.

    A mapped address may contain wildcards (:mod:`oscbridge.osc.pattern`, dialect "mapped"). It
    is a dictionary, as programs for python-osc inspect it.
    """

    on_change: Callable[[], None] | None = None
    """Called after every change."""

    def __init__(self, handlers: Mapping[str, Sequence[Handler]] | None = None) -> None:
        super().__init__()
        self._patterns: dict[str, Pattern] = {}
        self._changes = 0
        self._exact = (-1, Subjects(()))
        """A number of changes, and the addresses without wildcards after it."""
        for address, mapped in (handlers or {}).items():
            self[address] = list(mapped)

    def __reduce__(self) -> tuple[type[AddressMap], tuple[dict[str, list[Handler]]]]:
        return AddressMap, (dict(self),)

    def __missing__(self, address: str) -> list[Handler]:
        return []

    def __setitem__(self, address: str, handlers: list[Handler]) -> None:
        """Replace the handlers of an address. Raises :class:`PatternError`."""
        if address not in self and is_pattern(address):
            self._patterns[address] = Pattern(address, mapped=True)
        super().__setitem__(address, handlers)
        self._changed()

    def __delitem__(self, address: str) -> None:
        super().__delitem__(address)
        self._patterns.pop(address, None)
        self._changed()

    def pop(self, address: str, *default: object) -> object:  # type: ignore[override]
        """Remove an address and return its handlers."""
        if address not in self and default:
            return default[0]
        handlers = dict.__getitem__(self, address)
        del self[address]
        return handlers

    def clear(self) -> None:
        """Remove all addresses."""
        super().clear()
        self._patterns.clear()
        self._changed()

    def _changed(self) -> None:
        self._changes += 1
        if self.on_change is not None:
            self.on_change()

    def add(self, address: str, handler: Handler) -> None:
        """Map a handler. Raises :class:`PatternError` for malformed wildcards."""
        self[address] = [*self[address], handler]

    def remove(self, address: str, handler: Handler) -> None:
        """Remove a mapping. Raises ``ValueError`` if it does not exist."""
        handlers = list(self[address])
        try:
            handlers.remove(handler)
        except ValueError:
            raise ValueError(f"{handler!r} is not mapped to {address!r}") from None
        if handlers:
            self[address] = handlers
        else:
            del self[address]

    def match(self, address: str) -> list[tuple[Handler, dict[str, str]]]:
        """The handlers for an address, each with its captured texts.

        An address without a leading slash also calls the handlers of the address with it.
        """
        found = self._find(address)
        if not address.startswith("/"):
            found |= self._find("/" + address)
        order = found if len(found) < 2 else [m for m in list(self) if m in found]
        calls = [(handler, found[mapped]) for mapped in order for handler in self.get(mapped, ())]
        return sorted(calls, key=_order) if len(found) > 1 else calls

    def _find(self, address: str) -> dict[str, dict[str, str]]:
        """The mapped addresses that match one, and their captured texts."""
        # Iterates over copies, as another thread may be mapping. dict.copy() is atomic;
        # list(dict.items()) is not: it makes tuples, which can start a garbage collection.
        found: dict[str, dict[str, str]] = {}
        if address in self:
            found[address] = {}
        if is_pattern(address):
            try:
                pattern = Pattern(address)
            except PatternError:
                pass  # it matches only its own text
            else:
                found.update((mapped, {}) for mapped in pattern.find(self._subjects()))
        if self._patterns:
            subject = None
            for mapped, pattern in self._patterns.copy().items():
                # Start and end rule out most addresses cheaply.
                if not (address.startswith(pattern.prefix) and address.endswith(pattern.suffix)):
                    continue
                if subject is None:
                    subject = Subject(address)
                captures = pattern.capture(subject)
                if captures is not None:
                    found[mapped] = captures
        return found

    def _subjects(self) -> Subjects:
        """The addresses without wildcards, prepared when a pattern first needs them."""
        made, subjects = self._exact
        changes = self._changes  # read before the map, as changes are counted after they are made
        if made != changes:
            subjects = Subjects([m for m in list(self) if m not in self._patterns])
            self._exact = changes, subjects
        return subjects
