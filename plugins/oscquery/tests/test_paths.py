"""OSC addresses as paths of URLs."""

from __future__ import annotations

import pytest

from oscbridge_oscquery.paths import (
    MAX_ADDRESS,
    MAX_DEPTH,
    address_of_path,
    is_address,
    path_of_address,
)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("", "/"),  # VDMX: http://host:port?HOST_INFO
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b"),
        ("/a%20b", "/a b"),
        ("/M%C3%BChle/%F0%9F%8E%9A", "/Mühle/🎚"),
        ("/100%25", "/100%"),
        ("/a%2Fb", "/a/b"),
        ("/.../..", "/.../.."),
    ],
)
def test_path_becomes_an_address(path: str, address: str) -> None:
    assert address_of_path(path) == address


@pytest.mark.parametrize(
    "path",
    ["//", "/a//b", "/%FF", "/%00", "/a%0Ab", "a", "/" + "a" * MAX_ADDRESS, "/a" * (MAX_DEPTH + 1)],
)
def test_path_that_is_not_an_address_is_none(path: str) -> None:
    assert address_of_path(path) is None


@pytest.mark.parametrize("address", ["/", "/a/b", "/a b", "/Mühle?#", "/100%", "/a;b&c=d", "/a:b@"])
def test_address_survives_as_a_path(address: str) -> None:
    path = path_of_address(address)
    assert address_of_path(path) == address
    assert path.isascii()
    assert not set("?# &") & set(path) - {"&"}


def test_deepest_and_longest_addresses_are_valid() -> None:
    assert is_address("/a" * MAX_DEPTH)
    assert is_address("/" + "a" * (MAX_ADDRESS - 1))
