"""Which texts can be the name or the address of a host."""

from __future__ import annotations

import pytest

from oscbridge import OSCURL, HostError, HostPort, check_host, check_interface


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0.0.0.0", "255.255.255.255", "239.1.2.3", "::", "::1", "fe80::1%eth0"),
        *("::ffff:10.0.0.1", "localhost", "desk", "desk.lan", "desk.local.", "my_service"),
        "3com.com",
        *("1.0.0.127.in-addr.arpa", "10.0.0.1.nip.io", "192.168.1.local", "münchen.local", "x32"),
        *("a" * 63, "xn--mnchen-3ya.de", "desk-1", "stage2", "x.y.z", "1und1.de", "DESK"),
    ],
)
def test_possible_host_is_accepted(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "fix"),
    [
        ("127.000.000.020", "octal for many programs; write 127.0.0.20"),
        ("010.1.2.3", "write 10.1.2.3"),
        ("192.168.001.010", "write 192.168.1.10"),
        ("192.168.1.300", "300 is more than 255"),
        ("192.168.1.0300", "300 is more than 255"),
        ("192.168.1", "it has 3 numbers instead of four"),
        ("127.1", "it has 2 numbers instead of four"),
        ("1", "it has 1 number instead of four"),
        ("2130706433", "it has 1 number instead of four"),
        ("0x7f000001", "it has 1 number instead of four"),
        ("0x7f.0.0.1", "write its numbers in decimal form"),
        ("1.2.3.4.5", "it has 5 numbers instead of four"),
        ("192.168.1.20.", "remove the last dot"),
        ("192.168.1.x", "'x' is not a number"),
        ("192.168.1.xxx", "'xxx' is not a number"),
        ("192.168.x.x", "'x' is not a number"),
        ("192.168.1.1xx", "'1xx' is not a number"),
        ("192.168.1.1O", "'1O' is not a number"),
        ("192.168.x.20", "its last part is a number"),
        ("192.168.1.*", "'*' is not a number"),
        ("192.168.1.?", "'?' is not a number"),
        ("x.x.x.x", "'x' is not a number"),
        ("desk.20", "its last part is a number"),
        ("desk name", "contains a blank"),
        ("desk\u00a0name", "contains a blank"),
        ("desk ", "contains a blank"),
        ("desk..lan", "empty part"),
        (".desk", "empty part"),
        ("", "empty part"),
        ("-desk", "must not begin or end with -"),
        ("desk-.lan", "must not begin or end with -"),
        ("desk,lan", "contains ','"),
        ("desk;rm", "contains ';'"),
        ("*", "contains '*'"),
        ("a" * 64, "longer than 63"),
        (".".join(["a" * 60] * 5), "longer than 253"),
        ("1::2::3", "not a valid IPv6 address"),
        ("fe80::1%", "the interface after % is missing"),
        ("12:34", "not a valid IPv6 address"),
    ],
)
def test_impossible_host_is_refused_with_the_reason(host: str, fix: str) -> None:
    with pytest.raises(HostError) as caught:
        check_host(host)
    assert fix in str(caught.value)
    assert not caught.value.is_placeholder


@pytest.mark.parametrize(
    "host",
    ["${DESK}", "$DESK", "{{ desk }}", "{desk}", "<desk>", "%DESK%", "%(DESK)s", "__DESK__"],
)
@pytest.mark.parametrize("text", ["{}", "{}:9000", "udp://{}:9000", "udp://{}"])
def test_placeholder_is_recognised(host: str, text: str) -> None:
    text = text.replace("{}", host)
    with pytest.raises(HostError, match="is a placeholder") as caught:
        (OSCURL if "://" in text else HostPort).parse(text)
    assert caught.value.is_placeholder


@pytest.mark.parametrize("name", ["", "eth0", "eth0.10", "eth0:1", "192.168.1.20", "Ethernet 2"])
def test_possible_interface_is_accepted(name: str) -> None:
    assert check_interface(name) == name


@pytest.mark.parametrize("name", ["192.168.1", "192.168.001.020", "192.168.1.x", "${NIC}"])
def test_impossible_interface_is_refused(name: str) -> None:
    with pytest.raises(HostError):
        check_interface(name)
