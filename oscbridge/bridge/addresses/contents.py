"""The contents of the address space for one configuration: books, all of them, and views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import Access, AddressInfo
from oscbridge.address_space.layers import AddressLayers
from oscbridge.address_space.limits import MAX_NODES, admitted
from oscbridge.address_space.merging import AddressOrigin, access_of, conflict_of, finished, merged
from oscbridge.bridge.addresses.configured import described_by, joined, used_addresses
from oscbridge.bridge.addresses.endpoint_view import EndpointView, allowing
from oscbridge.bridge.addresses.known import known_by, route_facts
from oscbridge.bridge.addresses.links import AddressLink, DirectLink, links_of
from oscbridge.bridge.config.resolved import Configuration

__all__ = ["SpaceContents"]

_Infos: TypeAlias = Mapping[str, AddressInfo]


class SpaceContents:
    """The facts about the addresses of all parts, bridges and endpoints."""

    def __init__(
        self, configuration: Configuration, direct: Mapping[str, Sequence[DirectLink]]
    ) -> None:
        """``direct`` are the routes of plugins by their sources."""
        self._ignored: dict[tuple[AddressOrigin, str], Counter[str]] = {}
        names = dict.fromkeys([*configuration.bridges, *configuration.endpoints])
        self._numbers = {name: number for number, name in enumerate(names)}
        facts = route_facts(configuration.routes, configuration.endpoints)
        self._links: Sequence[AddressLink] = tuple(links_of(configuration.routes, direct, facts))
        self._books: dict[str, AddressLayers[AddressOrigin]] = {}
        self._all: AddressLayers[tuple[AddressOrigin, int]] = AddressLayers(
            lambda infos: _combined([(key[0], info) for key, info in infos])
        )
        self._infos: dict[tuple[AddressOrigin, str], dict[str, AddressInfo]] = {}
        self._views: dict[str, EndpointView] = {}
        self._allowing: dict[tuple[str, Access], tuple[AddressBook, AddressBook]] = {}
        """The books of parts, and of them what allows an access."""
        for name, infos in used_addresses(self._links).items():
            self.replace(AddressOrigin.CONFIGURATION, name, infos.values())
        for name, entry in configuration.endpoints.items():
            self.replace(AddressOrigin.PROFILE, name, known_by(name, entry).values())

    @property
    def ignored(self) -> Counter[str]:
        """Entries left out or cut, by reason."""
        left_out = self._all.left_out + sum(each.left_out for each in self._books.values())
        views = [view.ignored for view in self._views.values()]
        return sum((*self._ignored.values(), *views), Counter({"nodes": left_out}))

    @property
    def known(self) -> AddressBook:
        """The addresses of all parts."""
        return self._all.book

    def book(self, part: str) -> AddressBook:
        """What the peer of a part sends and understands."""
        layers = self._books.get(part)
        return AddressBook() if layers is None else layers.book

    def visible_to(self, part: str) -> AddressBook:
        """What a part is sent, and what may be sent to it."""
        view = self._views.get(part)
        if view is None:
            view = self._views[part] = EndpointView(part, self._links, self._book_allowing)
        return view.book

    def parts_of(self, address: str) -> tuple[str, ...]:
        """The parts that know an address, in the order of the configuration."""
        return tuple(name for name in self._numbers if address in self.book(name))

    def conflicts(self) -> dict[str, str]:
        """The addresses whose type tags in one part are contradictory, in words."""
        found: dict[str, str] = {}
        for part in self._numbers:
            keys = [(origin, part) for origin in AddressOrigin if (origin, part) in self._infos]
            layers = [self._infos[key] for key in keys]
            several = Counter(address for infos in layers for address in infos)
            for address in [each for each, count in several.items() if count > 1]:
                if text := conflict_of([each[address] for each in layers if address in each]):
                    found.setdefault(address, f"{part}: {text}")
        return found

    def counts(self) -> Counter[AddressOrigin]:
        """The number of addresses of all parts by origin."""
        found: Counter[AddressOrigin] = Counter()
        for (origin, _), infos in self._infos.items():
            found[origin] += len(infos)
        return found

    # --- changes -----------------------------------------------------------------------------

    def replace(self, origin: AddressOrigin, part: str, infos: Iterable[AddressInfo]) -> None:
        """Replace what one origin says about one part."""
        if part not in self._numbers:
            return
        ignored = self._ignored[origin, part] = Counter()
        found = admitted(infos, ignored)
        if not found and (origin, part) not in self._infos:
            return
        self._infos[origin, part] = found
        self._layers_of(part).replace(origin, found)
        self._all.replace((origin, self._numbers[part]), found)
        for view in self._views.values():
            view.part_changed(part)

    def mirror(self, endpoint: str, infos: Iterable[AddressInfo]) -> None:
        """Replace what an endpoint says about its peer."""
        origin = f"mirrored {endpoint}"
        named = (each if each.origin else replace(each, origin=origin) for each in infos)
        self.replace(AddressOrigin.MIRRORED, endpoint, named)

    def describe_routes(self) -> None:
        """Add what options of routes say about what they make of known addresses."""
        found: dict[str, dict[str, AddressInfo]] = {}
        for link in self._links:
            for name in link.facts:
                infos = found.get(name)
                if infos is None:
                    infos = self._infos.get((AddressOrigin.CONFIGURATION, name), {})
                for source in link.sources:
                    if len(infos) <= MAX_NODES:  # one more says that there are too many
                        book = self._book_allowing(source, Access.READ)
                        infos = joined(infos, described_by(link, name, book))
                found[name] = infos
        for name, infos in found.items():
            self.replace(AddressOrigin.CONFIGURATION, name, infos.values())

    def complete(self, viewed: Iterable[str]) -> None:
        """Compute what will be asked for: all books, and what some parts see, as a tree."""
        _ = self.known
        for part in self._numbers:
            self.book(part)
        for name in viewed:
            _ = self.visible_to(name).tree

    def discard(self) -> None:
        """Let go of the views, which refer to it: a garbage collection would take long."""
        self._views.clear()

    def grow(self, part: str, infos: Iterable[AddressInfo]) -> None:
        """Add addresses of seen messages."""
        if part not in self._numbers:
            return
        origin = AddressOrigin.TRAFFIC
        known = self._infos.setdefault((origin, part), {})
        new = []
        for info in infos:
            before = known.get(info.address)
            if before is not None:
                info = merged((before, info), before.access | info.access)
            known[info.address] = info
            new.append(info.address)
        layers = self._layers_of(part)
        layers.replace(origin, known, new)
        self._all.replace((origin, self._numbers[part]), known, new)
        book = layers.book
        for view in self._views.values():
            view.part_grew(part, [book[address] for address in new if address in book])

    def _book_allowing(self, part: str, access: Access) -> AddressBook:
        """The addresses of a part that allow an access.

        The same book until something changes: preparing one for matching takes long.
        """
        book = self.book(part)
        kept = self._allowing.get((part, access))
        if kept is None or kept[0] is not book:
            kept = self._allowing[part, access] = book, allowing(book, access)
        return kept[1]

    def _layers_of(self, part: str) -> AddressLayers[AddressOrigin]:
        layers = self._books.get(part)
        if layers is None:
            layers = self._books[part] = AddressLayers(_combined)
        return layers


def _combined(infos: Sequence[tuple[AddressOrigin, AddressInfo]]) -> AddressInfo:
    if len(infos) == 1:
        return finished(infos[0][1])
    return merged([info for _, info in infos], access_of(infos))
