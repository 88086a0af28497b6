"""Allow lists: notation and membership."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from oscbridge.net.allowlist import MAX_HOSTS, MAX_NETWORKS, AllowList

IPV4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
IPV6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
ADDRESSES = IPV4 | IPV6


@st.composite
def networks(draw: st.DrawFn) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    address = draw(ADDRESSES)
    return ipaddress.ip_network((address, draw(st.integers(0, address.max_prefixlen))), False)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("192.168.001.005", "write 192.168.1.5"),
        ("010.0.0.0/8", "write 10.0.0.0"),
        ("192.168.1.300", "300 is more than 255"),
        ("192.168.1.x", "'x' is not a number"),
        ("192.168.1", "write it as 10.0.0.0/8"),
        ("${DESK}", "is a placeholder"),
        ("desk.lan", "write it as 10.0.0.0/8"),
        ("10.0.0.0/33", "write it as 10.0.0.0/8"),
    ],
)
def test_error_of_a_network_names_the_fix(text: str, fix: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fix)):
        AllowList([text])


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("192.168.1.20", ["192.168.1.20"], ["192.168.1.21", "::1"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1"]),
        ("::/0", ["::1", "ff02::1"], ["127.0.0.1"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["::2", "127.0.0.1"]),
        ("2001:db8::/32", ["2001:db8::5"], ["2001:db9::5"]),
        ("10.0.0.0/255.255.0.0", ["10.0.9.9"], ["10.1.0.0"]),
    ],
)
def test_network_contains_exactly_its_addresses(
    network: str, inside: list[str], outside: list[str]
) -> None:
    found = AllowList([network])
    assert all(host in found for host in inside)
    assert not any(host in found for host in outside)


def test_ipv4_mapped_address_counts_as_ipv4() -> None:
    assert "::ffff:10.1.2.3" in AllowList(["10.0.0.0/8"])
    assert "::ffff:11.1.2.3" not in AllowList(["10.0.0.0/8"])
    assert "::ffff:10.1.2.3" not in AllowList(["::/0"])


def test_scope_of_a_sender_is_ignored() -> None:
    assert "fe80::1%eth0" in AllowList(["fe80::/10"])
    assert "fe80::1%eth0" in AllowList(["fe80::1"])


def test_own_machine_is_not_allowed_by_default() -> None:
    networks = AllowList(["10.0.0.0/8"])
    assert "127.0.0.1" not in networks
    assert "::1" not in networks


@pytest.mark.parametrize("host", ["", "localhost", "1.2.3", "1.2.3.4.5", "\0", "::g", "%"])
def test_text_other_than_an_address_is_not_allowed(host: str) -> None:
    assert host not in AllowList(["0.0.0.0/0", "::/0"])


def test_empty_allow_list_contains_no_host() -> None:
    assert not AllowList()
    assert "127.0.0.1" not in AllowList()


@given(st.lists(networks(), max_size=8), ADDRESSES)
@example([ipaddress.ip_network("0.0.0.0/0")], ipaddress.ip_address("::"))
def test_allow_list_agrees_with_ipaddress(
    them: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = None if address.version == 4 else address.ipv4_mapped
    them = [net for net in them if net.version == 4 or net.network_address.ipv4_mapped is None]
    found = AllowList(map(str, them))
    assert (str(address) in found) == any((mapped or address) in net for net in them)
    for net in them:
        assert str(net[0]) in found
        assert str(net[-1]) in found or getattr(net[-1], "ipv4_mapped", None) is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.1/8", "did you mean '10.0.0.0/8', or '10.0.0.1' alone?"),
        ("2001:db8::1/32", "did you mean '2001:db8::/32', or '2001:db8::1' alone?"),
        ("10.0.0.0/33", "is not a network or an address; write it as 10.0.0.0/8, 192.168"),
        ("10.0.0", "is not a network or an address"),
        ("my-desk", "is not a network or an address"),
        ("", "'' is not a network or an address"),
        (" 10.0.0.1", "is not a network or an address"),
        ("fe80::1%eth0", "an interface cannot be given; did you mean 'fe80::1'?"),
        ("::ffff:10.0.0.0/104", "write IPv4 without ::ffff; did you mean '10.0.0.0/8'?"),
        ("::ffff:10.0.0.7", "write IPv4 without ::ffff; did you mean '10.0.0.7'?"),
    ],
)
def test_invalid_network_is_rejected_with_a_suggestion(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="'") as caught:
        AllowList(["::1", text])
    assert says in str(caught.value)


def test_max_networks_bounds_an_allow_list() -> None:
    many = [str(ipaddress.IPv4Address(number)) for number in range(MAX_NETWORKS + 1)]
    assert len(AllowList(many[:-1])) == MAX_NETWORKS
    with pytest.raises(ValueError, match=f"at most {MAX_NETWORKS} networks"):
        AllowList(many)


def test_host_cache_is_bounded() -> None:
    networks = AllowList(["10.0.0.0/8"])
    for number in range(2 * MAX_HOSTS + 3):
        host = str(ipaddress.IPv4Address((10 << 24) + number))
        assert host in networks
        assert f"1{host}" not in networks  # 110.x
    assert len(networks._hosts) <= MAX_HOSTS


def test_equal_networks_are_equal_however_they_are_written() -> None:
    one = AllowList(["10.0.0.0/8", "::1"])
    assert one == AllowList(["0:0::1/128", "10.0.0.0/255.0.0.0", "10.0.0.0/8"])
    assert hash(one) == hash(AllowList(["::1", "10.0.0.0/8"]))
    assert one != AllowList(["10.0.0.0/8"])
    assert list(one) == ["10.0.0.0/8", "::1/128"]
    assert repr(one) == "AllowList(['10.0.0.0/8', '::1/128'])"


class Model(BaseModel):
    allow: AllowList = AllowList()


def test_options_field_accepts_a_list() -> None:
    assert Model.model_validate({"allow": ["::1"]}).allow == AllowList(["::1"])
    assert Model(allow=AllowList(["::1"])).allow == AllowList(["::1"])


@pytest.mark.parametrize("value", ["10.0.0.0/8", 5, [5], None, {"a": 1}])
def test_options_field_rejects_anything_else(value: object) -> None:
    with pytest.raises(ValidationError, match="expected a list of networks"):
        Model.model_validate({"allow": value})
