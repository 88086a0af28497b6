"""A server and a client on two machines that find each other: two namespaces with a cable."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest
from two_networks import ARE_POSSIBLE, WAIT, Networks, two_networks
from waiting import wait_until

pytestmark = [
    pytest.mark.skipif(not ARE_POSSIBLE, reason="requires network namespaces"),
    pytest.mark.timeout(400),
]

SERVER = """
[bridge.stage]
listen = "udp://127.0.0.1:23710"
[endpoint.q]
type     = "oscquery"
listen   = "0.0.0.0:{port}"
announce = "Far"
[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:23719"
[[route]]
from  = "stage"
match = "/level{{1..3}}"
types = "f"
to    = "q"
[[route]]
from  = "q"
match = "/go{{1..3}}"
types = "f"
to    = "out"
"""

CLIENT = """
[bridge.in]
listen = "udp://127.0.0.1:23720"
[endpoint.there]
type     = "oscquery"
find     = "Far"
on_start = "retry"
[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:23729"
[[route]]
from = "there"
to   = "out"
[[route]]
from = "in"
to   = "there"
"""


@pytest.fixture
def networks() -> Iterator[Networks]:
    with two_networks() as made:
        yield made


def output_of(networks: Networks, network: str, *command: str) -> str:
    """What a command prints there."""
    words = [*networks.inside(network), *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT, check=True)
    return done.stdout


def browsed(networks: Networks) -> str:
    """What `oscbridge oscquery browse` finds from the other machine."""
    program = networks.start(networks.near, "oscquery", "browse", "--timeout", "2")
    return program.communicate(timeout=WAIT)[0]


def test_server_is_found_reached_followed_and_gone(networks: Networks) -> None:
    heard = {
        network: networks.start(network, "dump", "--listen", f"udp://127.0.0.1:{port}")
        for network, port in ((networks.near, 23729), (networks.far, 23719))
    }
    networks.bridge(networks.near, CLIENT)
    for number, port in ((1, 23711), (2, 23712)):  # the second time it is elsewhere
        server = networks.bridge(networks.far, SERVER.format(port=port))
        place = f"10.78.1.2:{port}"
        wait_until(lambda place=place: place in browsed(networks), WAIT)
        info = json.loads(
            output_of(networks, networks.near, "curl", "-s", f"http://{place}/?HOST_INFO")
        )
        assert (info["OSC_IP"], info["OSC_PORT"]) == ("10.78.1.2", port)
        to_stage, to_in = "udp://127.0.0.1:23710", "udp://127.0.0.1:23720"
        near, far = networks.near, networks.far
        networks.send_until_it_arrives(far, f"level{number}", to_stage, heard[near])
        networks.send_until_it_arrives(near, f"go{number}", to_in, heard[far])
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=WAIT)
        wait_until(lambda: "no OSCQuery server found" in browsed(networks), WAIT)
