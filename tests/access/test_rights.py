"""The addresses and rights of a token."""

from __future__ import annotations

import pytest

from oscbridge.access.rights import (
    MAX_CACHED,
    MAX_CACHED_LENGTH,
    AccessRights,
    AddressFilter,
    Right,
)

# Address, whether the filter contains it
ADDRESSES = [
    ("/mixer/1", True),
    ("/mixer/ch/1/fader", True),
    ("/meters/a", True),
    ("/meters/b", True),
    ("/mixer", False),
    ("/mixers/1", False),
    ("/meters/c", False),
    ("/meters/a/b", False),
    ("/other", False),
    ("/", False),
    # patterns, which reach other addresses
    ("/*", False),
    ("/mixer/?", False),
    ("//1", False),
    ("/{mixer,other}/1", False),
    ("/meters/[a-z]", False),
    ("/mixer/1/*", False),
    # unless the same text is listed
    ("/mixer/*", True),
    ("/meters/{a,b}", True),
]


@pytest.mark.parametrize(("address", "allowed"), ADDRESSES)
def test_address_filter_matches_as_in_the_table(address: str, allowed: bool) -> None:
    addresses = AddressFilter(["/mixer/*", "/meters/{a,b}"])
    assert [addresses.matches(address), addresses.matches(address)] == [allowed, allowed]


def test_address_filter_cache_is_bounded() -> None:
    addresses = AddressFilter(["/mixer/*"])
    for index in range(MAX_CACHED + 10):
        assert addresses.matches(f"/mixer/{index}")
    assert not addresses.matches("/" + "x" * MAX_CACHED_LENGTH)
    assert addresses.cached == MAX_CACHED


@pytest.mark.parametrize(
    ("rights", "listens", "sends", "configures"),
    [
        (("listen",), True, False, False),
        (("send",), False, True, False),
        (("listen", "send"), True, True, False),
        (("configure",), False, False, True),
    ],
)
def test_no_right_implies_another(
    rights: tuple[Right, ...], listens: bool, sends: bool, configures: bool
) -> None:
    found = AccessRights.of(rights)
    assert (found.listens, found.sends, found.configures) == (listens, sends, configures)
    assert (found.may_listen("/a"), found.may_send("/a")) == (listens, sends)


def test_addresses_apply_to_listening_and_sending() -> None:
    rights = AccessRights.of(("listen", "send"), ["/mixer/*"])
    assert rights.may_listen("/mixer/1") and rights.may_send("/mixer/1")
    assert not rights.may_listen("/lamp") and not rights.may_send("/lamp")
    assert not rights.sends_all
    assert AccessRights.of(("listen", "send"), ["/mixer/*", "*"]).sends_all
