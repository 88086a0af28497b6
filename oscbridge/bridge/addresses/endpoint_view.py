"""The addresses that one endpoint sees: those of the parts that routes connect with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import Access, AddressInfo
from oscbridge.address_space.layers import AddressLayers
from oscbridge.address_space.limits import admitted
from oscbridge.address_space.merging import merged, with_overloads
from oscbridge.bridge.addresses.links import AddressLink
from oscbridge.bridge.addresses.projection import RouteProjection

__all__ = ["EndpointView", "allowing"]

_FROM: Final = 0
"""Routes that read from the endpoint; their facts count first, as they are about what it may
send."""
_TO: Final = 1
_ACCESS: Final = (Access.WRITE.value, Access.READ.value)
_THERE: Final = (Access.WRITE, Access.READ)
"""What the other end must allow, by direction."""


class LayerKey(NamedTuple):
    """A layer: a direction, a route, and the part at its other end; none for the route itself."""

    direction: int
    route: int
    part: str


class EndpointView:
    """The addresses that an endpoint may be sent, and those that a message to it may have.

    ``book_of`` gives the addresses of another part that allow an access.
    """

    def __init__(
        self,
        name: str,
        links: Sequence[AddressLink],
        book_of: Callable[[str, Access], AddressBook],
    ) -> None:
        self._book_of = book_of
        self._layers: AddressLayers[LayerKey] = AddressLayers(_combined)
        self._ignored: dict[LayerKey, Counter[str]] = {}
        self._links: dict[LayerKey, RouteProjection] = {}
        self._infos: dict[LayerKey, dict[str, AddressInfo]] = {}
        for index, link in enumerate(links):
            if name in link.sources:
                self._add_link(_FROM, index, link.projection, link.to, name)
            if name in link.to:
                self._add_link(_TO, index, link.projection, link.sources, name)
        for key in self._links:
            self._make(key)

    def _add_link(
        self, direction: int, index: int, projection: RouteProjection, parts: Iterable[str], me: str
    ) -> None:
        for part in ("", *parts):
            if part != me:
                self._links[LayerKey(direction, index, part)] = projection

    @property
    def ignored(self) -> Counter[str]:
        """Entries left out or cut because of a limit, by reason."""
        found = Counter({"nodes": self._layers.left_out})
        return sum(self._ignored.values(), found)

    @property
    def book(self) -> AddressBook:
        """All that it sees."""
        return self._layers.book

    def part_changed(self, part: str) -> None:
        """The addresses of a part are others now."""
        for key in self._links:
            if key.part == part:
                self._make(key)

    def part_grew(self, part: str, infos: Iterable[AddressInfo]) -> None:
        """A part has more addresses now, or more facts about some."""
        book = AddressBook(infos)
        for key in self._links:
            if key.part == part:
                more = self._projected(key, allowing(book, _THERE[key.direction]))
                self._infos[key].update(more)
                if more:
                    self._layers.replace(key, self._infos[key], more)

    def _make(self, key: LayerKey) -> None:
        access = _THERE[key.direction]
        book = self._book_of(key.part, access) if key.part else AddressBook()
        self._ignored[key] = Counter()
        self._infos[key] = self._projected(key, book)
        self._layers.replace(key, self._infos[key])

    def _projected(self, key: LayerKey, book: AddressBook) -> dict[str, AddressInfo]:
        projection = self._links[key]
        infos = _project(key, projection, book)
        if key.part and projection.is_plain:
            return {info.address: info for info in infos}  # within the limits already
        before = projection.left_out
        found = admitted(infos, self._ignored[key])
        self._ignored[key]["captures"] += projection.left_out - before
        return found


def _project(
    key: LayerKey, projection: RouteProjection, book: AddressBook
) -> Iterator[AddressInfo]:
    if not key.part:
        return projection.incoming() if key.direction == _FROM else projection.outgoing()
    if key.direction == _FROM:
        return projection.backward(book)
    return projection.forward(book)


def allowing(book: AddressBook, access: Access) -> AddressBook:
    """Those of the addresses that allow an access."""
    bits = access.value  # operations on enumerations are slow
    if all(info.access.value & bits for info in book.values()):
        return book
    return AddressBook(info for info in book.values() if info.access.value & bits)


def _combined(infos: Sequence[tuple[LayerKey, AddressInfo]]) -> AddressInfo:
    access = 0  # operations on enumerations are slow
    for key, _ in infos:
        access |= _ACCESS[key.direction]
    info = merged([info for _, info in infos], Access(access))
    if len(infos) == 1:
        return info
    return with_overloads(info, (each for key, each in infos if key.direction == _FROM))
