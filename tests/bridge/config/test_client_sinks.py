"""Bridges as sinks in a configuration: what ``check`` rejects, and what it warns of."""

from __future__ import annotations

import logging

import pytest

from oscbridge import ConfigurationError, Endpoint
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint

TYPES: dict[str, type[Endpoint]] = {"osc": OSCEndpoint}

STAGE = '[bridge.stage]\nlisten = "udp://127.0.0.1:9000"\n'
CUES = '[bridge.cues]\nlisten = "udp://127.0.0.1:9001"\n'
DESK = '[endpoint.desk]\ntype = "osc"\nto = "udp://192.0.2.1:10023"\n'
BOTH_WAYS = '[[route]]\nfrom = "stage"\nto = "desk"\n[[route]]\nfrom = "desk"\nto = "stage"\n'


def read(text: str) -> Configuration:
    return parse(text, TYPES, "show.toml")


def problem(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


def test_two_way_routes_between_a_bridge_and_a_device_are_no_loop() -> None:
    configuration = read(STAGE + DESK + BOTH_WAYS)
    assert configuration.bridges["stage"].clients is not None
    assert configuration.endpoints["stage"].type_name == "bridge"


def test_bridge_that_no_route_leads_to_is_no_sink() -> None:
    configuration = read(STAGE + DESK + '[[route]]\nfrom = "stage"\nto = "desk"\n')
    assert configuration.bridges["stage"].clients is None
    assert list(configuration.endpoints) == ["desk"]


@pytest.mark.parametrize("key", ["max", "reply_port"])
def test_keys_of_udp_clients_are_a_warning_over_tcp(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    tcp = STAGE.replace("udp", "tcp")
    read(f"{tcp}[bridge.stage.clients]\n{key} = 3\n{DESK}{BOTH_WAYS}")
    assert f"show.toml: bridge.stage.clients.{key}: no effect, only for udp://" in caplog.text


def test_clients_without_a_route_to_the_bridge_are_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        read(STAGE + "[bridge.stage.clients]\necho = true\n")
    (line,) = [each for each in caplog.messages if "clients" in each]
    assert "bridge.stage.clients: no effect, as no route leads there" in line


@pytest.mark.parametrize(
    ("scheme", "mode", "is_warned"),
    [("tcp", "blocking", True), ("tcp+auto", "blocking", True), ("udp", "blocking", False),
     ("tcp", "threading", False)],
)  # fmt: skip
def test_blocking_bridge_that_answers_by_tcp_is_a_warning(
    scheme: str, mode: str, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = STAGE.replace("udp", scheme) + f'mode = "{mode}"\n'
    with caplog.at_level(logging.WARNING):
        read(bridge + DESK + BOTH_WAYS)
    text = "bridge.stage: mode 'blocking' serves one TCP client after another"
    assert any(text in each for each in caplog.messages) == is_warned


@pytest.mark.parametrize(
    ("bridge", "clients", "expected"),
    [
        ('listen = "tcp://127.0.0.1:9000"\nmode = "forking"', "", "a forking bridge cannot send"),
        ('listen = "udp://239.1.2.3:9000"', "", "to a multicast group; use an OSC endpoint"),
        ("", 'static = ["127.0.0.1:9000"]', "this is the bridge itself"),
        ("", 'static = ["phone.local:9000"]', "expected an IP address and a port"),
        ("", 'static = ["[::1]:9000"]', "IPv4 and IPv6 do not meet"),
        ("", 'absorb = ["xremote"]', "must start with '/'"),
        ("", 'absorb = ["/x*"]', "without wildcards"),
        ("", 'subscribe = "/sub scribe"', "without wildcards"),
        ("", "max = 0", "clients.max"),
        ("", "maximum = 3", "unknown key"),
    ],
)
def test_what_cannot_work_is_a_problem(bridge: str, clients: str, expected: str) -> None:
    table = f"[bridge.stage]\n{bridge}\n[bridge.stage.clients]\n{clients}\n"
    assert expected in problem(table + DESK + BOTH_WAYS)


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
def test_answers_for_the_asker_are_possible_in_every_mode(mode: str) -> None:
    table = f'[bridge.stage]\nmode = "{mode}"\n[bridge.stage.clients]\nanswers = "asker"\n'
    clients = read(table + DESK + BOTH_WAYS).bridges["stage"].clients
    assert clients is not None
    assert clients.answers == "asker"


def test_name_of_a_bridge_and_an_endpoint_is_ambiguous() -> None:
    text = STAGE + '[endpoint.stage]\ntype = "osc"\nto = "udp://192.0.2.1:9000"\n'
    assert "duplicate name" in problem(text + '[[route]]\nfrom = "stage"\nto = "stage"\n')


def test_static_client_that_is_another_bridge_closes_a_loop() -> None:
    clients = '[bridge.stage.clients]\nstatic = ["127.0.0.1:9001"]\n'
    text = STAGE + clients + CUES + '[[route]]\nfrom = "cues"\nto = "stage"\n'
    assert "endless loop" in problem(text)


def test_endpoint_that_is_a_client_of_its_own_bridge_closes_a_loop() -> None:
    own = '[endpoint.own]\ntype = "osc"\nto = "udp://127.0.0.1:9000"\n'
    routes = '[[route]]\nfrom = "own"\nto = "stage"\n'
    assert "endless loop" in problem(STAGE + own + routes)


def test_changed_messages_to_a_bridge_from_its_own_client_are_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = '[endpoint.own]\ntype = "osc"\nto = "udp://127.0.0.1:9000"\n'
    with caplog.at_level(logging.WARNING):
        read(STAGE + own + '[[route]]\nfrom = "own"\nto = "stage"\nsend = "/x {0}"\n')
    assert any(
        "possible endless loop: own is a client of bridge.stage" in e for e in caplog.messages
    )


RING = """
[bridge.a]
listen = "udp://127.0.0.1:9000"
[bridge.b]
listen = "udp://127.0.0.1:9001"
[endpoint.to-a]
type = "osc"
to = "udp://127.0.0.1:9000"
[endpoint.to-b]
type = "osc"
to = "udp://127.0.0.1:9001"
[[route]]
from = "a"
to = "to-b"
MORE1
[[route]]
from = "b"
to = "to-a"
MORE2
"""


@pytest.mark.parametrize(
    ("first", "second", "is_possible"),
    [
        ('send = "/x {= x + 1}"', 'send = "/y {0}"', True),
        ('match = "/x"\nsend = "/y {0}"', 'match = "/y"\nsend = "/x {0}"', True),
        ('match = "/in/*"\nscale = [0, 1, 0, 9]', 'match = "/in/1"\nwhen = "x > 0"', True),
        ('match = "/in/*"\nscale = [0, 1, 0, 9]', 'match = "/out/*"', False),
        ('match = "/x"\nsend = "/y {0}"', 'match = "/z"\nsend = "/x {0}"', False),
        ('match = "/x"\nsend = "/y {0}"', "enabled = false", False),
    ],
    ids=["any", "fixed", "kept", "other-prefix", "other-address", "disabled"],
)
def test_changed_messages_that_may_come_back_by_two_bridges_are_a_warning(
    first: str, second: str, is_possible: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(RING.replace("MORE1", first).replace("MORE2", second))
    warning = "route 1: possible endless loop: what it sends may come back: a → to-b → b → to-a → a"
    assert any(warning in e for e in caplog.messages) == is_possible


def test_bridges_that_echo_to_each_other_as_clients_are_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "".join(
        f"""
        [bridge.{name}]
        listen = "udp://127.0.0.1:{port}"
        [bridge.{name}.clients]
        static = "127.0.0.1:{other}"
        echo = true
        [[route]]
        from = "{name}"
        to = "{name}"
        send = "/{name} {{= x + 1}}"
        """
        for name, port, other in (("a", 9000, 9001), ("b", 9001, 9000))
    )
    with caplog.at_level(logging.WARNING):
        read(text)
    assert any("possible endless loop" in e for e in caplog.messages)


def test_clients_that_hear_each_other_are_no_loop() -> None:
    assert read(STAGE + '[[route]]\nfrom = "stage"\nto = "stage"\n').routes


def test_snapshots_are_bounded_by_max_addresses() -> None:
    configuration = read("[run]\nmax_addresses = 7\n" + STAGE + DESK + BOTH_WAYS)
    assert configuration.endpoints["stage"].runner.max_addresses == 7
