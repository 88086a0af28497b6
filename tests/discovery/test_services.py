"""Where services are announced, and at which address they are reached."""

from __future__ import annotations

import pytest

from oscbridge import ServiceAnnouncement
from oscbridge.discovery.interfaces import LocalInterface, interfaces_for, one_per_network
from oscbridge.discovery.services import reachable_host, split_advertised

LAN = LocalInterface("192.168.1.5", 24, "eth0")
WIRELESS = LocalInterface("192.168.1.77", 24, "wlan0")
SHOW = LocalInterface("10.0.0.2", 8, "eth1")
SECOND = LocalInterface("172.20.0.9", 16, "eth0:1")
LOOPBACK = LocalInterface("127.0.0.1", 8, "lo")
ALL = [LAN, WIRELESS, SHOW, SECOND, LOOPBACK]
LAN6 = LocalInterface("2001:db8::5", 64, "eth0")
ONLY6 = LocalInterface("fd00::5", 64, "eth2")
LINK6 = LocalInterface("fe80::5%eth3", 64, "eth3")


@pytest.mark.parametrize("listen", ["0.0.0.0", "::", "*"])
def test_loopback_is_not_announced_to_networks(listen: str) -> None:
    assert interfaces_for(listen, ALL) == [LAN, SHOW]


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("0.0.0.0", [LAN]),
        ("::", [LAN, ONLY6, LINK6]),
        ("2001:db8::5", [LAN6]),
        ("2001:DB8:0::5", [LAN6]),
        ("fe80::5%eth3", [LINK6]),
        ("::1", []),
    ],
)
def test_ipv6_is_used_where_there_is_no_ipv4(listen: str, expected: list[LocalInterface]) -> None:
    assert interfaces_for(listen, [LAN, LAN6, ONLY6, LINK6, LOOPBACK]) == expected


def test_address_of_the_own_family_is_preferred() -> None:
    assert reachable_host(["10.9.9.9", "fd00::9", "2001:db8::1"], ONLY6) == "fd00::9"
    assert reachable_host(["10.9.9.9"], ONLY6) == "10.9.9.9"


@pytest.mark.parametrize("listen", ["127.0.0.1", "localhost"])
def test_loopback_alone_is_possible(listen: str) -> None:
    assert interfaces_for(listen, ALL) == [LOOPBACK]


def test_address_is_announced_where_it_is() -> None:
    assert interfaces_for("192.168.1.77", ALL) == [WIRELESS]
    assert interfaces_for("192.168.1.99", ALL) == []


def test_network_and_interface_are_used_once() -> None:
    assert one_per_network(ALL) == [LAN, SHOW, LOOPBACK]


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        (["192.168.1.9"], "192.168.1.9"),
        (["10.9.9.9", "192.168.1.9"], "192.168.1.9"),
        (["2001:db8::1", "10.9.9.9"], "10.9.9.9"),
        (["2001:db8::1"], "2001:db8::1"),
        (["fe80::1"], ""),
        (["fe80::1%3"], "fe80::1%3"),
        (["127.0.0.1"], ""),
        (["0.0.0.0"], ""),
        (["224.0.0.1"], ""),
        (["255.255.255.255"], ""),
        (["::ffff:127.0.0.1"], ""),
        (["nonsense"], ""),
        ([], ""),
    ],
)
def test_only_reachable_addresses_are_used(addresses: list[str], host: str) -> None:
    assert reachable_host(addresses, LAN) == host


def test_programs_on_this_machine_may_use_loopback() -> None:
    assert reachable_host(["127.0.0.1"], LOOPBACK) == "127.0.0.1"


def test_advertised_address_may_have_a_port() -> None:
    assert split_advertised("192.168.1.20") == ("192.168.1.20", None)
    assert split_advertised("192.168.1.20:9001") == ("192.168.1.20", 9001)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "desk",
        "127.0.0.1",
        "0.0.0.0",
        "192.168.1.20:0",
        "192.168.1.20:x",
        "192.168.1.20:0090001",
        "::1",
    ],
)
def test_unreachable_advertised_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"IPv4 address|by which others|port"):
        split_advertised(text)


def test_too_many_properties_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 32 properties"):
        ServiceAnnouncement("a", {}, properties={str(n): "" for n in range(33)})
