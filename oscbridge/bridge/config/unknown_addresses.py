"""Warns of addresses in routes that a known device does not have, but almost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from oscbridge.address_space import AddressBook
from oscbridge.bridge.addresses.known import known_by
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.osc.number_range import expand_addresses
from oscbridge.osc.pattern import Pattern, is_pattern
from oscbridge.templates.message import MessageTemplate

__all__ = ["unknown_addresses"]

MAX_COMPARED: Final = 1_024
"""Addresses of one match that are looked up."""


def unknown_addresses(
    routes: Mapping[int, RouteOptions], endpoints: Mapping[str, EndpointEntry]
) -> Iterator[tuple[int, str]]:
    """For each misspelt address the index of its route, and the address that was meant.

    A profile need not be complete: an address that is like none of the known ones is fine.
    """
    books = {n: AddressBook(known_by(n, each).values()) for n, each in endpoints.items()}
    for index, route in routes.items():
        for name in route.sources:
            if book := books.get(name):
                yield from _warnings(index, "match", name, book, _matched(route))
        for name in route.to:
            if book := books.get(name):
                yield from _warnings(index, *_sent(route, name, book))


def _sent(
    route: RouteOptions, name: str, book: AddressBook
) -> tuple[str, str, AddressBook, Iterator[str]]:
    """The key that decides what a route sends to an endpoint, and the addresses, if known."""
    if route.function is not None:
        return "function", name, book, iter(())
    if route.send is None and route.json_part is not None:
        return "json", name, book, iter(())
    if route.send is None:
        return "match", name, book, _matched(route)
    captures = Pattern(route.match, mapped=True).captures
    try:
        template = MessageTemplate(route.send, captures)
    except ValueError:  # with expressions
        return "send", name, book, iter(())
    if template.keeps_address:
        return "match", name, book, _matched(route)
    return "send", name, book, iter(() if template.address is None else (template.address,))


def _matched(route: RouteOptions) -> Iterator[str]:
    """The addresses of a match that has no wildcards except ranges and alternatives."""
    expanded = islice(expand_addresses(route.match), MAX_COMPARED)
    return (address for address, _ in expanded if not is_pattern(address))


def _warnings(
    index: int, key: str, name: str, book: AddressBook, addresses: Iterator[str]
) -> Iterator[tuple[int, str]]:
    for address in addresses:
        if address in book:
            continue
        if near := book.nearest(address):
            text = f"route {index + 1}: {key}: endpoint {name!r} knows no address {address!r}"
            yield index, f"{text}; did you mean {near!r}?"
        return
