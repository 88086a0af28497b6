"""The search for the address that was meant."""

from __future__ import annotations

import pytest

from oscbridge.access.grant import OPEN_ACCESS
from oscbridge.access.rights import AccessRights
from oscbridge.address_space import AddressBook, AddressInfo

BOOK = AddressBook(
    AddressInfo(address)
    for address in ("/ch/01/mix/fader", "/ch/11/mix/fader", "/bus/1/mix/on", "/xinfo")
)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("/ch/1/mix/fader", "/ch/01/mix/fader"),
        ("/ch/001/mix/fader", "/ch/01/mix/fader"),
        ("/bus/01/mix/on", "/bus/1/mix/on"),
        ("/ch/01/mix/fadr", "/ch/01/mix/fader"),
        ("/xinfos", "/xinfo"),
        ("/lamp/3", ""),
    ],
)
def test_nearest_is_the_address_that_was_meant(address: str, near: str) -> None:
    assert BOOK.nearest(address) == near


def test_book_is_a_mapping_of_addresses() -> None:
    assert BOOK["/xinfo"] == AddressInfo("/xinfo")
    assert "/info" not in BOOK
    assert len(BOOK) == 4


def test_tree_of_rights_is_known_once_it_was_made() -> None:
    book = AddressBook([AddressInfo("/a/b"), AddressInfo("/c")])
    rights = AccessRights(frozenset({"listen"}))
    assert not book.has_tree(OPEN_ACCESS.rights)
    assert not book.has_tree(rights)
    assert book.tree.find("/a/b") is not None
    assert book.has_tree(OPEN_ACCESS.rights)
    assert not book.has_tree(rights)
    assert book.filtered(rights).tree.find("/a/b") is not None
    assert book.has_tree(rights)
