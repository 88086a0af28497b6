"""Configuration of bridges, endpoints' hosts and ports: what is read, and what is wrong."""

from __future__ import annotations

import os
from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field, model_validator

import oscbridge
from oscbridge import OSCURL, ConfigurationError, Endpoint, HostPort
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.sinks.runner import RunnerOptions


class Server(Endpoint):
    policy = "latest"
    on_start = "retry"

    class Options(oscbridge.Options):
        listen: HostPort | OSCURL | None = None

    async def send(self, message: oscbridge.Message) -> None:
        pass


class Keepalive(oscbridge.Options):
    every: Annotated[int, Field(ge=1)] = 5


class Nested(Endpoint):
    class Options(oscbridge.Options):
        keepalive: Keepalive | None = None
        several: tuple[Annotated[Keepalive, BeforeValidator(lambda value: value)], ...] = ()
        low: int = 0
        high: int = 1

        @model_validator(mode="after")
        def _in_order(self) -> Nested.Options:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self


TYPES: dict[str, type[Endpoint]] = {"server": Server, "nested": Nested}


def good(text: str) -> Configuration:
    return parse(text, TYPES, "show.toml")


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        good(text)
    return [line.removeprefix("show.toml: ") for line in str(caught.value).splitlines()]


# --- bridges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tcp+1.0", "tcp+auto"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "239.1.2.3", "ff02::1%lo", "localhost"])
def test_a_bridge_listens_on_any_transport_and_address(scheme: str, host: str) -> None:
    shown = f"[{host}]" if ":" in host else host
    configuration = good(f'[bridge.a]\nlisten = "{scheme}://{shown}:9000"')
    assert configuration.bridges["a"].listen == OSCURL(scheme, host, 9000)


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
def test_a_bridge_has_a_mode(mode: str) -> None:
    assert good(f'[bridge.a]\nmode = "{mode}"').bridges["a"].mode == mode


def test_forking_where_there_is_no_fork_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    assert faults('[bridge.a]\nmode = "forking"') == [
        "bridge.a.mode = 'forking': this system cannot fork; use threading"
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("workers = 0", "workers = 0: must be at least 1; the default is 32"),
        ("workers = 10001", "workers = 10001: must be at most 10000; the default is 32"),
        ('workers = "many"', "workers = 'many': expected a whole number; the default is 32"),
        ("worker = 3", "worker: unknown key; did you mean 'workers'?"),
        ("interfaces = 1", "interfaces: unknown key; did you mean 'interface'?"),
        ("interface = 5", 'interface = 5: expected text in quotes; the default is ""'),
        (
            'mode = "fork"',
            "mode = 'fork': expected 'asyncio', 'blocking', 'threading' or",
        ),
        (
            'listen = "tcp+2.0://127.0.0.1:1"',
            "unknown transport 'tcp+2.0'; available: udp, tcp, tcp+1",
        ),
        (
            'listen = "tcp://127.0.0.1"',
            "listen = 'tcp://127.0.0.1': write it as tcp://host:port, "
            "for example tcp://127.0.0.1:9000",
        ),
        (
            'interface = "10.0.0.1"',
            "interface = '10.0.0.1': it says where to join a multicast group, "
            "and 'udp://127.0.0.1:9000' is none",
        ),
        (
            'listen = "tcp://239.1.2.3:9000"\ninterface = "10.0.0.1"',
            "interface = '10.0.0.1': it says where to join a multicast group, "
            "and 'tcp://239.1.2.3:9000' is none",
        ),
    ],
)
def test_a_fault_of_a_bridge_is_one_clear_line(line: str, fault: str) -> None:
    (found,) = faults(f"[bridge.a]\n{line}")
    assert found.startswith("bridge.a.")
    assert fault in found


def test_a_multicast_group_has_an_interface() -> None:
    bridge = good('[bridge.a]\nlisten = "udp://239.1.2.3:9000"\ninterface = "10.0.0.1"').bridges[
        "a"
    ]
    assert bridge.interface == "10.0.0.1"


# --- the host's keys of endpoints --------------------------------------------------------------


def test_the_defaults_of_an_endpoint_are_those_of_its_type() -> None:
    entry = good('[endpoint.a]\ntype = "server"').endpoints["a"]
    assert entry.delivery == RunnerOptions(policy="latest", on_start="retry", outbox=10_000)


def test_an_endpoint_may_have_its_own() -> None:
    text = '[endpoint.a]\ntype = "server"\npolicy = "block"\noutbox = 5\non_start = "ignore"'
    assert good(text).endpoints["a"].delivery == RunnerOptions(
        policy="block", on_start="ignore", outbox=5
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            'policy = "drop"',
            "policy = 'drop': expected 'drop_oldest', 'latest', 'block' or 'spool'",
        ),
        ('policy = "lastest"', "did you mean 'latest'?"),
        ("outbox = 0", "outbox = 0: must be at least 1; the default is 10000"),
        ("outbox = 99999999", "outbox = 99999999: must be at most 10000000; the default is 10000"),
        ('on_start = "wait"', "on_start = 'wait': expected 'retry', 'error' or 'ignore'"),
        ('on_start = "rety"', "did you mean 'retry'?"),
        ("polcy = 1", "polcy: unknown key; did you mean 'policy'?"),
        ("out_box = 1", "out_box: unknown key; did you mean 'outbox'?"),
        ("onstart = 1", "onstart: unknown key; did you mean 'on_start'?"),
        ("policy = 5", "policy = 5: expected 'drop_oldest', 'latest', 'block' or 'spool'"),
    ],
)
def test_a_fault_of_an_endpoint_is_one_clear_line(line: str, fault: str) -> None:
    (found,) = faults(f'[endpoint.a]\ntype = "server"\n{line}')
    assert found.startswith("endpoint.a.")
    assert fault in found
    assert "None" not in found


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            "keepalive = { evry = 3 }",
            "endpoint.a.keepalive.evry: unknown key; did you mean 'every'?",
        ),
        (
            "keepalive = { every = 0 }",
            "endpoint.a.keepalive.every = 0: must be at least 1; the default is 5",
        ),
        ("low = 5", "endpoint.a: low is above high"),
    ],
)
def test_a_fault_in_a_table_within_or_of_the_whole_is_one_clear_line(
    lines: str, fault: str
) -> None:
    assert faults(f'[endpoint.a]\ntype = "nested"\n{lines}') == [fault]


# --- two on one port ---------------------------------------------------------------------------


def two(one: str, other: str, modes: tuple[str, str] = ("asyncio", "asyncio")) -> str:
    return (
        f'[bridge.a]\nlisten = "{one}"\nmode = "{modes[0]}"\n'
        f'[bridge.b]\nlisten = "{other}"\nmode = "{modes[1]}"\n'
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tcp://127.0.0.1:9000", "tcp://127.0.0.1:9000"),
        ("tcp://127.0.0.1:9000", "tcp+1.0://127.0.0.1:9000"),
        ("tcp+auto://0.0.0.0:9000", "tcp://127.0.0.1:9000"),
        ("udp://localhost:9000", "udp://127.0.0.1:9000"),
        ("udp://[::1]:9000", "udp://[0:0:0:0:0:0:0:1]:9000"),
        ("udp://[::]:9000", "udp://0.0.0.0:9000"),
        ("udp://239.1.1.1:9000", "udp://0.0.0.0:9000"),
        ("tcp://[::]:9000", "tcp://[::1]:9000"),
    ],
)
def test_two_that_cannot_share_a_port_are_a_fault(one: str, other: str) -> None:
    assert faults(two(one, other)) == [
        f"bridge.b.listen = '{OSCURL.parse(other)}': bridge.a listens on '{OSCURL.parse(one)}' "
        "already; choose another port"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("udp://127.0.0.1:9000", "tcp://127.0.0.1:9000"),
        ("udp://239.1.1.1:9000", "udp://239.1.1.1:9000"),
        ("udp://239.1.1.1:9000", "udp://239.1.1.2:9000"),
        ("udp://239.1.1.1:9000", "udp://127.0.0.1:9000"),
        ("tcp://[::]:9000", "tcp://0.0.0.0:9000"),
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
    ],
)
def test_two_that_can_share_a_port_are_good(one: str, other: str) -> None:
    assert len(good(two(one, other)).bridges) == 2


def test_on_a_thread_a_tcp_server_of_ipv6_takes_ipv4_too() -> None:
    text = two("tcp://[::]:9000", "tcp://0.0.0.0:9000", ("blocking", "asyncio"))
    assert len(faults(text)) == 1


SERVER = '[endpoint.web]\ntype = "server"\nlisten = "{}"\n'


@pytest.mark.parametrize("listen", ["127.0.0.1:9000", "tcp+1.0://127.0.0.1:9000"])
def test_an_endpoint_on_the_port_of_a_tcp_bridge_is_a_fault(listen: str) -> None:
    text = '[bridge.a]\nlisten = "tcp://127.0.0.1:9000"\n' + SERVER.format(listen)
    assert faults(text) == [
        f"endpoint.web.listen = '{listen}': bridge.a listens on 'tcp://127.0.0.1:9000' already; "
        "choose another port"
    ]


@pytest.mark.parametrize("listen", ["127.0.0.1:9000", "tcp://127.0.0.1:9000"])
def test_an_endpoint_on_the_port_of_a_udp_bridge_is_good(listen: str) -> None:
    assert good("[bridge.a]\n" + SERVER.format(listen)).endpoints


def test_an_osc_endpoint_on_the_port_of_a_udp_bridge_is_a_fault() -> None:
    from oscbridge.endpoints.osc.endpoint import OSCEndpoint

    text = (
        '[bridge.a]\n[endpoint.b]\ntype = "osc"\nto = "udp://192.0.2.1:1"\n'
        'listen = "127.0.0.1:9000"'
    )
    with pytest.raises(ConfigurationError, match=r"endpoint\.b\.listen = '127\.0\.0\.1:9000'"):
        parse(text, {"osc": OSCEndpoint}, "show.toml")


def test_an_unknown_key_of_a_table_in_a_list_is_told_with_the_known_ones() -> None:
    text = '[endpoint.a]\ntype = "nested"\nseveral = [{ evry = 3 }, { x = 1 }]'
    assert faults(text) == [
        "endpoint.a.several.1.evry: unknown key; did you mean 'every'?",
        "endpoint.a.several.2.x: unknown key; known keys: every",
    ]
