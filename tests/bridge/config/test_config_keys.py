"""Configuration of bridges, of the common keys of endpoints, and of ports."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field, model_validator

import oscbridge
from oscbridge import OSCURL, ConfigurationError, Endpoint, HostPort
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.sinks.policies import RunnerOptions


class Listening(oscbridge.Options):
    listen: HostPort | OSCURL | None = None


class Server(Endpoint[Listening]):
    policy = "latest"
    on_start = "retry"

    async def send(self, message: oscbridge.Message) -> None:
        pass


class Keepalive(oscbridge.Options):
    every: Annotated[int, Field(ge=1)] = 5


class NestedOptions(oscbridge.Options):
    keepalive: Keepalive | None = None
    several: tuple[Annotated[Keepalive, BeforeValidator(lambda value: value)], ...] = ()
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _in_order(self) -> NestedOptions:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Nested(Endpoint[NestedOptions]):
    """Has tables in its table."""


TYPES: dict[str, type[Endpoint]] = {"server": Server, "nested": Nested}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[endpoint.a]\ntype = "nested"\nlow = true\n', "endpoint.a.low = True"),
        ('[endpoint.a]\ntype = "nested"\nkeepalive.every = true\n', "a.keepalive.every = True"),
        ('[endpoint.a]\ntype = "nested"\nmax_age = false\n', "endpoint.a.max_age = False"),
        ("[bridge.a]\nworkers = true\n", "bridge.a.workers = True"),
        ('[bridge.a]\n[[route]]\nfrom = "a"\nset = {}\ndelay = true\n', "delay = True"),
    ],
)
def test_true_and_false_are_not_numbers(text: str, key: str) -> None:
    assert any(f"{key}: expected a number" in each for each in problems(text))


def good(text: str) -> Configuration:
    return parse(text, TYPES, "show.toml")


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        good(text)
    return [line.removeprefix("show.toml: ") for line in str(caught.value).splitlines()]


# --- bridges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tcp+1.0", "tcp+auto"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "239.1.2.3", "ff02::1%lo", "localhost"])
def test_bridge_listens_on_any_transport_and_address(scheme: str, host: str) -> None:
    shown = f"[{host}]" if ":" in host else host
    configuration = good(f'[bridge.a]\nlisten = "{scheme}://{shown}:9000"')
    assert configuration.bridges["a"].listen == OSCURL(scheme, host, 9000)


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
def test_bridge_has_a_mode(mode: str) -> None:
    assert good(f'[bridge.a]\nmode = "{mode}"').bridges["a"].mode == mode


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('mode = "threading"', "only for mode 'forking'; set mode = \"forking\", or remove it"),
        ("", "only for mode 'forking'; set mode = \"forking\", or remove it"),
        (
            'mode = "forking"\nlisten = "tcp://127.0.0.1:9000"',
            "only for udp://; over TCP a child handles all messages of its connection; remove it",
        ),
    ],
)
def test_max_messages_per_child_is_for_forking_over_udp(table: str, problem: str) -> None:
    text = f"[bridge.a]\n{table}\nmax_messages_per_child = "
    assert problems(f"{text}20") == [f"bridge.a.max_messages_per_child = 20: {problem}"]
    assert good(f"{text}1").bridges["a"].max_messages_per_child == 1


def test_max_messages_per_child_requires_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert problems('[bridge.a]\nmode = "forking"\nmax_messages_per_child = 2') == [
        "bridge.a.max_messages_per_child = 2: available on Linux only; remove it"
    ]


def test_forking_without_fork_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    assert problems('[bridge.a]\nmode = "forking"') == [
        "bridge.a.mode = 'forking': not available on this system; use 'threading'"
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
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
            "interface = '10.0.0.1': only for multicast groups, "
            "and 'udp://127.0.0.1:9000' is not one; remove it",
        ),
        (
            'listen = "tcp://239.1.2.3:9000"\ninterface = "10.0.0.1"',
            "interface = '10.0.0.1': only for multicast groups, "
            "and 'tcp://239.1.2.3:9000' is not one; remove it",
        ),
    ],
)
def test_bridge_problem_is_one_clear_line(line: str, problem: str) -> None:
    (found,) = problems(f"[bridge.a]\n{line}")
    assert found.startswith("bridge.a.")
    assert problem in found


def test_multicast_group_has_an_interface() -> None:
    bridge = good('[bridge.a]\nlisten = "udp://239.1.2.3:9000"\ninterface = "10.0.0.1"').bridges[
        "a"
    ]
    assert bridge.interface == "10.0.0.1"


# --- the host's keys of endpoints --------------------------------------------------------------


def test_endpoint_has_the_defaults_of_its_type() -> None:
    entry = good('[endpoint.a]\ntype = "server"').endpoints["a"]
    assert entry.runner == RunnerOptions(policy="latest", on_start="retry", queue_size=10_000)


def test_endpoint_can_override_the_defaults_of_its_type() -> None:
    text = '[endpoint.a]\ntype = "server"\npolicy = "block"\nqueue = 5\non_start = "ignore"'
    assert good(text).endpoints["a"].runner == RunnerOptions(
        policy="block", on_start="ignore", queue_size=5
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            'policy = "drop"',
            "policy = 'drop': expected 'drop_oldest', 'latest', 'block' or 'spool'",
        ),
        ('policy = "lastest"', "did you mean 'latest'?"),
        ("queue = 0", "queue = 0: must be at least 1; the default is 10000"),
        ("queue = 99999999", "queue = 99999999: must be at most 10000000; the default is 10000"),
        ('on_start = "wait"', "on_start = 'wait': expected 'retry', 'error' or 'ignore'"),
        ('on_start = "rety"', "did you mean 'retry'?"),
        ("polcy = 1", "polcy: unknown key; did you mean 'policy'?"),
        ("quue = 1", "quue: unknown key; did you mean 'queue'?"),
        ("onstart = 1", "onstart: unknown key; did you mean 'on_start'?"),
        ("policy = 5", "policy = 5: expected 'drop_oldest', 'latest', 'block' or 'spool'"),
    ],
)
def test_endpoint_problem_is_one_clear_line(line: str, problem: str) -> None:
    (found,) = problems(f'[endpoint.a]\ntype = "server"\n{line}')
    assert found.startswith("endpoint.a.")
    assert problem in found
    assert "None" not in found


@pytest.mark.parametrize(
    ("lines", "problem"),
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
def test_problem_of_an_inner_table_or_of_the_whole_table_is_one_clear_line(
    lines: str, problem: str
) -> None:
    assert problems(f'[endpoint.a]\ntype = "nested"\n{lines}') == [problem]


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
        ("tcp://[::]:9000", "tcp://0.0.0.0:9000"),
        ("udp://*:9000", "udp://127.0.0.1:9000"),
    ],
)
def test_port_conflict_is_a_problem(one: str, other: str) -> None:
    assert problems(two(one, other)) == [
        f"bridge.b.listen = '{OSCURL.parse(other)}': "
        f"bridge.a already listens on '{OSCURL.parse(one)}'; choose another port"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("udp://127.0.0.1:9000", "tcp://127.0.0.1:9000"),
        ("udp://239.1.1.1:9000", "udp://239.1.1.1:9000"),
        ("udp://239.1.1.1:9000", "udp://239.1.1.2:9000"),
        ("udp://239.1.1.1:9000", "udp://127.0.0.1:9000"),
        ("tcp://[::1]:9000", "tcp://0.0.0.0:9000"),
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
    ],
)
def test_listeners_without_a_port_conflict_are_valid(one: str, other: str) -> None:
    assert len(good(two(one, other)).bridges) == 2


def test_ipv6_tcp_server_on_a_thread_accepts_ipv4_too() -> None:
    text = two("tcp://[::]:9000", "tcp://0.0.0.0:9000", ("blocking", "asyncio"))
    assert len(problems(text)) == 1


SERVER = '[endpoint.web]\ntype = "server"\nlisten = "{}"\n'


@pytest.mark.parametrize("listen", ["127.0.0.1:9000", "tcp+1.0://127.0.0.1:9000"])
def test_endpoint_on_the_port_of_a_tcp_bridge_is_a_problem(listen: str) -> None:
    text = '[bridge.a]\nlisten = "tcp://127.0.0.1:9000"\n' + SERVER.format(listen)
    assert problems(text) == [
        f"endpoint.web.listen = '{listen}': bridge.a already listens on 'tcp://127.0.0.1:9000'; "
        "choose another port"
    ]


@pytest.mark.parametrize("listen", ["127.0.0.1:9000", "tcp://127.0.0.1:9000"])
def test_endpoint_on_the_port_of_a_udp_bridge_is_valid(listen: str) -> None:
    assert good("[bridge.a]\n" + SERVER.format(listen)).endpoints


def test_osc_endpoint_on_the_port_of_a_udp_bridge_is_a_problem() -> None:
    from oscbridge.endpoints.osc.endpoint import OSCEndpoint

    text = (
        '[bridge.a]\n[endpoint.b]\ntype = "osc"\nto = "udp://192.0.2.1:1"\n'
        'listen = "127.0.0.1:9000"'
    )
    with pytest.raises(ConfigurationError, match=r"endpoint\.b\.listen = '127\.0\.0\.1:9000'"):
        parse(text, {"osc": OSCEndpoint}, "show.toml")


def test_unknown_key_in_a_list_of_tables_lists_the_known_keys() -> None:
    text = '[endpoint.a]\ntype = "nested"\nseveral = [{ evry = 3 }, { x = 1 }]'
    assert problems(text) == [
        "endpoint.a.several.1.evry: unknown key; did you mean 'every'?",
        "endpoint.a.several.2.x: unknown key; known keys: every",
    ]


# --- bounds ------------------------------------------------------------------------------------


def test_number_of_addresses_applies_to_routes_and_endpoints() -> None:
    text = '[bridge.a]\n[endpoint.b]\ntype = "server"\n[[route]]\nfrom = "a"\nto = "b"\n'
    for lines, number in (("", 20_000), ("[run]\nmax_addresses = 5", 5)):
        configuration = good(text + lines)
        assert configuration.routes[0].max_addresses == number
        assert configuration.endpoints["b"].runner.max_addresses == number


# --- hosts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '[bridge.a]\nlisten = "udp://{}:9000"',
        '[bridge.a]\nlisten = "tcp://{}:9000"',
        '[endpoint.a]\ntype = "server"\nlisten = "{}:9000"',
        '[http]\nlisten = "{}:9000"',
        '[http]\nhosts = ["{}"]',
    ],
)
@pytest.mark.parametrize("host", ["127.000.000.020", "192.168.1", "192.168.1.x", "desk name"])
def test_impossible_host_is_a_problem_everywhere(text: str, host: str) -> None:
    assert any(f"{host!r} is not a valid" in each for each in problems(text.replace("{}", host)))


def test_placeholder_for_a_host_names_the_variable_to_use() -> None:
    text = '[bridge.a-b]\nlisten = "udp://${DESK}:9000"'
    assert problems(text) == [
        "bridge.a-b.listen = 'udp://${DESK}:9000': 'udp://${DESK}:9000' is a placeholder that "
        "nothing fills in; write the value, or set the variable OSCBRIDGE__BRIDGE__A_B__LISTEN"
    ]
