"""Bridges and devices in networks of their own: two namespaces with cables between them."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from two_networks import ARE_POSSIBLE, WAIT, Found, Networks, two_networks

pytestmark = [
    pytest.mark.skipif(not ARE_POSSIBLE, reason="requires network namespaces"),
    pytest.mark.timeout(400),
]

ANNOUNCED = """
[bridge.stage]
listen = "udp://{listen}"
announce = "Stage"
{more}
"""

PASSING = (
    ANNOUNCED
    + """
[endpoint.out]
type = "osc"
to = "udp://127.0.0.1:23799"
[[route]]
from = "stage"
to = "out"
"""
)

FINDING = """
[bridge.in]
listen = "udp://127.0.0.1:23700"
[endpoint.desk]
type = "osc"
to = "osc://Stage"
[[route]]
from = "in"
to = "desk"
"""


@pytest.fixture
def networks() -> Iterator[Networks]:
    with two_networks() as made:
        yield made


def places(found: list[Found]) -> list[str]:
    return [f"{each['host']}:{each['port']}" for each in found]


def network_of(address: str | int) -> str:
    return str(address).rpartition(".")[0]


def test_announced_address_is_the_reachable_one_and_goodbye_removes_it(
    networks: Networks,
) -> None:
    program = networks.bridge(networks.far, ANNOUNCED.format(listen="0.0.0.0:23701", more=""))
    networks.wait_for(networks.near, lambda found: places(found) == ["10.78.1.2:23701"])
    networks.plug(2)  # one more network gets its own address
    (service,) = networks.wait_for(networks.near, lambda found: len(found) == 1)
    assert network_of(service["host"]) == network_of(service["interface"])
    networks.ip(networks.near, "link", "set", "c1", "down")
    networks.wait_for(networks.near, lambda found: places(found) == ["10.78.2.2:23701"])
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=WAIT)
    assert "announced as 'Stage' at 10.78.1.2" in output
    assert "announced as 'Stage' at 10.78.2.2" in output
    networks.wait_for(networks.near, lambda found: not found)


def test_network_with_ipv6_only_is_used(networks: Networks) -> None:
    for number, name in enumerate((networks.near, networks.far), 1):
        networks.ip(name, "addr", "flush", "dev", "c1")
        networks.ip(name, "addr", "add", f"fd78::{number}/64", "dev", "c1", "nodad")
    program = networks.bridge(networks.far, PASSING.format(listen="[::]:23701", more=""))
    networks.wait_for(networks.near, lambda found: places(found) == ["fd78::2:23701"])
    networks.bridge(networks.near, FINDING)
    heard = networks.start(networks.far, "dump", "--listen", "udp://127.0.0.1:23799")
    networks.send_until_it_arrives(networks.near, "one", "udp://127.0.0.1:23700", heard)
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=WAIT)
    networks.wait_for(networks.near, lambda found: not found)


def test_loopback_is_never_announced_to_the_network(networks: Networks) -> None:
    networks.bridge(networks.far, ANNOUNCED.format(listen="127.0.0.1:23701", more=""))
    found = networks.wait_for(networks.far, lambda found: found)
    assert places(found) == ["127.0.0.1:23701"]
    assert networks.found(networks.near) == []


def test_advertised_address_is_stated(networks: Networks) -> None:
    more = 'advertise = "192.0.2.7:9009"'
    networks.bridge(networks.far, ANNOUNCED.format(listen="0.0.0.0:23701", more=more))
    networks.wait_for(networks.near, lambda found: places(found) == ["192.0.2.7:9009"])


def test_device_is_followed_to_another_port_and_address(networks: Networks) -> None:
    networks.bridge(networks.near, FINDING)
    near = "udp://127.0.0.1:23700"
    heard = networks.start(networks.far, "dump", "--listen", "udp://127.0.0.1:23799")
    for word, listen in (("one", "10.78.1.2:23701"), ("two", "10.78.1.2:23702")):
        program = networks.bridge(networks.far, PASSING.format(listen=listen, more=""))
        networks.send_until_it_arrives(networks.near, word, near, heard)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=WAIT)
    networks.ip(networks.far, "addr", "del", "10.78.1.2/24", "dev", "c1")
    networks.ip(networks.far, "addr", "add", "10.78.1.9/24", "dev", "c1")
    networks.bridge(networks.far, PASSING.format(listen="0.0.0.0:23702", more=""))
    networks.send_until_it_arrives(networks.near, "three", near, heard)
