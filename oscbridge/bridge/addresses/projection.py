"""What a route makes of known addresses, and what becomes a known address by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Final

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import AddressInfo
from oscbridge.bridge.addresses.address_shapes import AddressShape, shapes_of, take_apart
from oscbridge.bridge.addresses.argument_facts import ArgumentFacts
from oscbridge.bridge.addresses.capturing import MAX_SLOW, CapturePattern
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.pure_steps import template_of
from oscbridge.osc.pattern import Pattern
from oscbridge.templates.placeholders import Placeholder

__all__ = ["ORIGIN", "RouteProjection"]

ORIGIN: Final = "configuration"
"""The origin of what a route says."""

MAX_MATCHED: Final = 20_000
"""Addresses that one route makes known of those of one part."""

MAX_TRIED: Final = 2 * MAX_MATCHED
"""Addresses that are made up for that."""


class RouteProjection:
    """The addresses before and after a route, as far as they are certain.

    The messages of a function are not known, an address that depends on arguments or expressions
    is not known either, and with ``json`` only one that ``send`` makes of captures. Raises
    ``ValueError`` for an invalid template.
    """

    def __init__(self, config: RouteConfig) -> None:
        self._config = config
        self._pattern = Pattern(config.match, mapped=True)
        has_function = config.function is not None
        has_values = config.json is not None or config.relative is not None
        template = None if has_function else template_of(config)
        self._arguments = ArgumentFacts(config, template)
        self._is_known = not has_function and not has_values
        """Whether the messages that it sends are known."""
        self.left_out = 0
        """Addresses that were left out so far, as their captures would take too long."""
        self._renamed: tuple[str | Placeholder, ...] | None = None
        """The parts of the address that it sends; None if that is the original one."""
        if template is not None and not template.keeps_address:
            self._renamed = template.address_parts
            self._is_known = all(_is_certain(each, has_values) for each in self._renamed)

    @property
    def is_plain(self) -> bool:
        """Whether facts are the same before and after the route."""
        return self._is_known and self._renamed is None and not self._arguments.change_anything

    # --- what the route itself says ----------------------------------------------------------

    def incoming(self) -> Iterator[AddressInfo]:
        """The addresses that its match names."""
        for shape in self._shapes:
            if shape.is_literal:
                yield self._arguments.incoming(shape.fill({}))

    def outgoing(self) -> Iterator[AddressInfo]:
        """The addresses that it sends, if no message is needed to know them."""
        if not self._is_known:
            return
        if self._renamed is not None and all(isinstance(part, str) for part in self._renamed):
            yield self._arguments.outgoing("".join(map(str, self._renamed)))
            return
        for shape in self._shapes:
            if shape.is_literal:
                yield self._arguments.outgoing(self._sent(shape.fill({}), {}))

    @cached_property
    def _shapes(self) -> Sequence[AddressShape]:
        """The match with its ranges and alternatives written out."""
        return tuple(shapes_of(self._config.match))

    # --- what it makes of known addresses ----------------------------------------------------

    def forward(self, book: AddressBook) -> Iterator[AddressInfo]:
        """The addresses that messages with known addresses have after the route."""
        if not self._is_known:
            return
        if self.is_plain:
            yield from (book[address] for address in self._matching(book))
            return
        for address, captures in self._captured(book):
            to = self._sent(address, captures)
            if "//" in to:
                continue
            if (info := self._arguments.forward(book[address], to, captures)) is not None:
                yield info

    def backward(self, book: AddressBook) -> Iterator[AddressInfo]:
        """The addresses of messages that have a known address after the route."""
        if not self._is_known:
            return
        if self.is_plain:
            yield from (book[address] for address in self._matching(book))
            return
        pairs: Iterator[tuple[str, str]]
        if self._renamed is None:
            pairs = ((address, address) for address in self._matching(book))
        elif any(not isinstance(p, str) and p.name == "address" for p in self._renamed):
            pairs = self._before_a_prefix(book)
        else:
            pairs = self._before_captures(book)
        for address, known in islice(pairs, MAX_MATCHED):
            if "//" in address:  # a rest ("{rest*}") that begins with a slash
                continue
            if (info := self._arguments.backward(book[known], address)) is not None:
                yield info

    def _matching(self, book: AddressBook) -> Iterable[str]:
        if self._config.match in ("*", "/*"):
            return book
        return self._pattern.find(book.subjects)

    def _captured(self, book: AddressBook) -> Iterable[tuple[str, Mapping[str, str]]]:
        if self._pattern.captures:
            return self._find(CapturePattern(self._config.match), book)
        return ((address, {}) for address in self._matching(book))

    def _sent(self, address: str, captures: Mapping[str, str]) -> str:
        """The address of what it sends for an address."""
        if self._renamed is None:
            return address
        return "".join(
            part
            if isinstance(part, str)
            else address
            if part.name == "address"
            else captures.get(part.name, "")
            for part in self._renamed
        )

    def _find(
        self, pattern: CapturePattern, book: AddressBook
    ) -> Iterator[tuple[str, Mapping[str, str]]]:
        yield from pattern.find(book)
        self.left_out += pattern.left_out

    def _before_a_prefix(self, book: AddressBook) -> Iterator[tuple[str, str]]:
        """For ``/desk{address}``: without the text before and after it."""
        ends = take_apart(self._renamed or ())
        if ends is None:
            return
        start, end = ends
        found = {
            inside: address
            for address in book
            if address.startswith(start)
            and address.endswith(end)
            and (inside := address[len(start) : len(address) - len(end)]).startswith("/")
        }
        inner = AddressBook(AddressInfo(address) for address in found)
        for address in self._matching(inner):
            yield address, found[address]

    def _before_captures(self, book: AddressBook) -> Iterator[tuple[str, str]]:
        """For ``/ch/{n}/on``: with the captures of ``{n}`` in the address of the match."""
        known_by_pattern: dict[str, list[tuple[str, Mapping[str, str]]]] = {}
        tried = checked = 0
        for shape in self._shapes:
            text = shape.pattern_of(self._renamed or ())
            if text is None:
                continue
            sent = CapturePattern(text)
            if text not in known_by_pattern:
                known_by_pattern[text] = list(self._find(sent, book))
            is_certain = sent.is_simple and shape.pattern.is_simple
            for known, captures in known_by_pattern[text]:
                tried += 1
                if tried > MAX_TRIED:
                    self.left_out += 1
                    return
                address = shape.fill(captures)
                if "//" in address or address.endswith("/"):
                    continue
                if not is_certain:
                    checked += 1
                    if checked > MAX_SLOW:
                        self.left_out += 1
                        continue
                    if not self._sends(shape, address, known):
                        continue
                yield address, known

    def _sends(self, shape: AddressShape, address: str, known: str) -> bool:
        """Whether a message with an address becomes one with a known one."""
        captures = shape.pattern.capture(address)
        return captures is not None and self._sent(address, captures) == known


def _is_certain(part: str | Placeholder, has_values: bool) -> bool:
    """Whether a part of an address is known without a message's arguments.

    With ``json`` a message that is made has its own address, which depends on the document.
    """
    if isinstance(part, str):
        return True
    if has_values and part.name == "address":
        return False
    return part.type is None and not part.depends_on_arguments
