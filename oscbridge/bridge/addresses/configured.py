"""What the routes of a configuration say about the addresses of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import Access, AddressInfo
from oscbridge.address_space.merging import merged
from oscbridge.bridge.addresses.links import AddressLink
from oscbridge.bridge.addresses.projection import ORIGIN

__all__ = ["described_by", "joined", "used_addresses"]


def used_addresses(links: Iterable[AddressLink]) -> dict[str, dict[str, AddressInfo]]:
    """By part, the addresses that routes name: those it sends, and those sent to it."""
    found: dict[str, dict[str, AddressInfo]] = {}
    for link in links:
        for info in link.projection.incoming():
            for name in link.sources:
                _add(found.setdefault(name, {}), info, Access.READ)
        for info in link.projection.outgoing():
            for name in link.to:
                described = _described(info, link.facts.get(name))
                _add(found.setdefault(name, {}), described, Access.WRITE)
    return found


def described_by(link: AddressLink, name: str, book: AddressBook) -> Iterator[AddressInfo]:
    """What a route's options for an endpoint say about what it makes of known addresses."""
    facts = link.facts.get(name)
    if facts is not None:
        for info in link.projection.forward(book):
            bare = AddressInfo(info.address, access=Access.WRITE, origin=ORIGIN)
            yield _described(bare, facts)


def _described(info: AddressInfo, facts: AddressInfo | None) -> AddressInfo:
    if facts is None:
        return info
    facts = replace(facts, address=info.address, origin=ORIGIN)
    return merged((facts, info), info.access)


def _add(infos: dict[str, AddressInfo], info: AddressInfo, access: Access) -> None:
    before = infos.get(info.address)
    if before is None:
        infos[info.address] = merged((info,), access)
    else:
        infos[info.address] = merged((before, info), before.access | access)


def joined(one: Mapping[str, AddressInfo], other: Iterable[AddressInfo]) -> dict[str, AddressInfo]:
    """Both, of one part and one origin."""
    found = dict(one)
    for info in other:
        _add(found, info, info.access)
    return found
