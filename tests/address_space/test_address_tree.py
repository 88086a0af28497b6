"""Addresses as a tree, and the part of it that a client may see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.access.rights import AccessRights, Right
from oscbridge.address_space import Access, AddressBook, AddressInfo

BOOK = AddressBook(map(AddressInfo, ("/a/b", "/a", "/c/d/e", "/a/b2")))
ADDRESSES = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(
        lambda names: "/" + "/".join(names)
    ),
    unique=True,
)


def test_tree_has_containers_and_values() -> None:
    assert [node.path for node in BOOK.tree.walk()] == [
        "/", "/a", "/a/b", "/a/b2", "/c", "/c/d", "/c/d/e",
    ]  # fmt: skip
    node = BOOK.node("/a")
    assert node is not None
    assert (node.name, node.info, list(node.children)) == ("a", AddressInfo("/a"), ["b", "b2"])
    container = BOOK.node("/c/d/")
    assert container is not None
    assert (container.info, container.path) == (None, "/c/d")


@pytest.mark.parametrize("path", ["/x", "/a/b/c", "/a//b", "/c/d/e/f"])
def test_node_is_none_for_an_unknown_path(path: str) -> None:
    assert BOOK.node(path) is None


@pytest.mark.parametrize("path", ["/", ""])
def test_node_finds_the_root(path: str) -> None:
    assert BOOK.node(path) is BOOK.tree


@given(ADDRESSES)
def test_tree_has_each_address_once(addresses: list[str]) -> None:
    book = AddressBook(map(AddressInfo, addresses))
    nodes = list(book.tree.walk())
    assert sorted(node.path for node in nodes if node.info is not None) == sorted(addresses)
    assert len({node.path for node in nodes}) == len(nodes)
    for node in nodes:
        assert book.node(node.path) is node


def test_matching_takes_patterns_as_a_route_does() -> None:
    assert BOOK.matching("/a/{name}") == ["/a/b", "/a/b2"]
    assert BOOK.matching("*") == list(BOOK)


RIGHTS = st.builds(
    AccessRights.of,
    st.sets(st.sampled_from(["listen", "send", "configure"])),
    st.lists(st.sampled_from(["/a*", "/{x}/b", "/c/[ab]", "*", "/a/a"]), min_size=1),
)


@given(ADDRESSES, RIGHTS)
def test_filtered_shows_what_a_client_may_listen_to(
    addresses: list[str], rights: AccessRights
) -> None:
    book = AddressBook(map(AddressInfo, addresses))
    found = book.filtered(rights)
    assert list(found) == [address for address in addresses if rights.may_listen(address)]
    for address, info in found.items():
        expected = Access.BOTH if rights.may_send(address) else Access.READ
        assert info.access == expected
    assert book.filtered(rights) is found


@pytest.mark.parametrize(
    ("rights", "patterns", "seen"), [(["send"], ["*"], 0), (["listen", "send"], ["*"], 4)]
)
def test_filtered_by_rights_of_all_addresses(
    rights: list[Right], patterns: list[str], seen: int
) -> None:
    assert len(BOOK.filtered(AccessRights.of(rights, patterns))) == seen
