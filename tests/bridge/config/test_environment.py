"""Settings from the environment: they override the file by one rule, and problems name them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge import ConfigurationError
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.config.environment import MAX_VARIABLES, overlay
from oscbridge.plugins.manager import Plugins

PAGE = Path(__file__).parents[3] / "docs/how-to/secrets-and-environment.md"
ROUTE = '[[route]]\nfrom = "stage"\nmatch = "/meters/*"\nto = "my-desk"\n'
FILE = """
[bridge.stage]
listen = "udp://127.0.0.1:9000"
[endpoint.my-desk]
type = "osc"
to   = "udp://127.0.0.1:9001"
[[route]]
from = "stage"
to   = "my-desk"
"""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Configuration]:
    """Reads the file, with variables whose names lack ``OSCBRIDGE__``."""

    def read(text: str = FILE, **variables: str) -> Configuration:
        for name, value in variables.items():
            monkeypatch.setenv(f"OSCBRIDGE__{name}", value)
        return parse(text, Plugins().endpoint_types, "show.toml")

    return read


def value(text: str) -> object:
    """The configured value for the text of a variable."""
    return overlay({}, {"OSCBRIDGE__RUN__DRAIN_TIMEOUT": text}).raw["run"]["drain_timeout"]


# --- keys --------------------------------------------------------------------------------------


def test_variable_replaces_a_key(read: Callable[..., Configuration]) -> None:
    found = read(BRIDGE__STAGE__LISTEN="tcp://0.0.0.0:7000")
    assert str(found.bridges["stage"].listen) == "tcp://0.0.0.0:7000"


def test_variable_adds_a_key(read: Callable[..., Configuration]) -> None:
    assert read(BRIDGE__STAGE__MODE="threading").bridges["stage"].mode == "threading"


def test_variable_adds_a_table(read: Callable[..., Configuration]) -> None:
    http = read(HTTP__LISTEN="0.0.0.0:9180").http
    assert http is not None
    assert str(http.listen) == "0.0.0.0:9180"


def test_variables_alone_form_a_configuration(read: Callable[..., Configuration]) -> None:
    found = read(
        "",
        BRIDGE__DESK__LISTEN="udp://127.0.0.1:9000",
        ENDPOINT__SYNTH__TYPE="osc",
        ENDPOINT__SYNTH__TO="udp://127.0.0.1:9001",
    )
    assert (list(found.bridges), list(found.endpoints)) == (["desk"], ["synth"])


def test_underscore_stands_for_a_dash(read: Callable[..., Configuration]) -> None:
    found = read(ENDPOINT__MY_DESK__QUEUE="7")
    assert list(found.endpoints) == ["my-desk"]
    assert found.endpoints["my-desk"].runner.queue_size == 7


def test_variable_reaches_nested_tables(read: Callable[..., Configuration]) -> None:
    assert (
        read(BRIDGE__STAGE__LIMITS__MAX_PACKET_SIZE="4096").bridges["stage"].limits.max_packet_size
        == 4096
    )


def test_routes_are_counted_from_1(read: Callable[..., Configuration]) -> None:
    assert read(ROUTE__1__MATCH="/only").routes[0].match == "/only"


def test_empty_variable_counts_as_unset(read: Callable[..., Configuration]) -> None:
    assert read(BRIDGE__STAGE__LISTEN="").bridges["stage"].listen.port == 9000


def test_overlay_does_not_modify_the_tables_of_the_file() -> None:
    raw = {"bridge": {"stage": {"limits": {"depth": 3}}}, "route": [{"from": "a"}]}
    before = copy.deepcopy(raw)
    environment = {
        "OSCBRIDGE__BRIDGE__STAGE__LIMITS__DEPTH": "4",
        "OSCBRIDGE__ROUTE__1__FROM": "b",
    }
    assert overlay(raw, environment).raw == {
        "bridge": {"stage": {"limits": {"depth": 4}}},
        "route": [{"from": "b"}],
    }
    assert raw == before


def test_other_variables_are_ignored() -> None:
    environment = {"OSCBRIDGE_PLUGINS": "x", "HOME": "/root", "oscbridge__run__drain": "1"}
    assert overlay({}, environment).raw == {}


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("udp://0.0.0.0:9000", "udp://0.0.0.0:9000"),
        ("[::1]:8080", "[::1]:8080"),
        ("two words # and more", "two words # and more"),
        ("12", 12),
        ("-0.5", -0.5),
        ("true", True),
        ('["10.0.0.0/8", "::1"]', ["10.0.0.0/8", "::1"]),
        ('{ env = "PASSWORD" }', {"env": "PASSWORD"}),
        ('"12"', "12"),
        ("'true'", "true"),
        ("2026-01-01", "2026-01-01"),
        ("1\n[bridge.more]", "1\n[bridge.more]"),
        ("1\nother = 2", "1\nother = 2"),
        ("[" * 50_000, "[" * 50_000),
    ],
)
def test_value_is_parsed_as_after_the_equals_sign(text: str, expected: object) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


def test_list_of_networks_can_be_set_by_a_variable(read: Callable[..., Configuration]) -> None:
    allow = read(BRIDGE__STAGE__ALLOW='["10.0.0.0/8"]').bridges["stage"].allow
    assert "10.1.2.3" in allow
    assert "192.168.1.1" not in allow


@given(st.dictionaries(st.text("AB_1-é", max_size=30), st.text(max_size=30), max_size=5))
def test_no_environment_raises(environment: dict[str, str]) -> None:
    raw = {"a": {"b": [{"a": 1}, 2]}, "b-": 1}
    overlay(raw, {f"OSCBRIDGE__{name}": text for name, text in environment.items()})


# --- problems ------------------------------------------------------------------------------------


def problems(read: Callable[..., Configuration], text: str = FILE, **variables: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(text, **variables)
    return str(caught.value).splitlines()


def test_unknown_key_names_its_variable(read: Callable[..., Configuration]) -> None:
    assert problems(read, BRIDGE__STAGE__LISEN="udp://0.0.0.0:1") == [
        "show.toml: bridge.stage.lisen: unknown key; did you mean 'listen'? "
        "(from OSCBRIDGE__BRIDGE__STAGE__LISEN)"
    ]


def test_wrong_value_names_its_variable(read: Callable[..., Configuration]) -> None:
    (problem,) = problems(read, BRIDGE__STAGE__WORKERS="many")
    assert problem.startswith("show.toml: bridge.stage.workers = 'many': expected a whole number")
    assert problem.endswith("(from OSCBRIDGE__BRIDGE__STAGE__WORKERS)")


def test_wrong_value_of_a_route_names_its_variable(read: Callable[..., Configuration]) -> None:
    (problem,) = problems(read, ROUTE__1__TO="nobody")
    assert problem.startswith("show.toml: route 1: to = 'nobody': no such bridge or endpoint")
    assert problem.endswith("(from OSCBRIDGE__ROUTE__1__TO)")


def test_problem_of_the_file_does_not_name_a_variable(read: Callable[..., Configuration]) -> None:
    text = FILE.replace("[endpoint.my-desk]", 'mod = "threading"\n[endpoint.my-desk]')
    (problem,) = problems(read, text, BRIDGE__STAGE__MODE="threading")
    assert problem == "show.toml: bridge.stage.mod: unknown key; did you mean 'mode'?"


def test_missing_key_names_the_variable_that_created_its_table(
    read: Callable[..., Configuration],
) -> None:
    (problem,) = problems(read, ENDPOINT__DISK__QUEUE="7")
    assert problem.startswith("show.toml: endpoint.disk: missing key 'type'")
    assert problem.endswith("(from OSCBRIDGE__ENDPOINT__DISK__QUEUE)")


@pytest.mark.parametrize("variable", ["ROUTE__MAIN_FADERS__LIMIT", "ROUTE__2__LIMIT"])
def test_variable_changes_the_route_of_a_name_or_number(
    read: Callable[..., Configuration], variable: str
) -> None:
    found = read(FILE + ROUTE + 'name = "Main-Faders"\n', **{variable: "10/s"})
    assert [route.limit for route in found.routes] == [None, 10]


def test_unknown_route_of_a_variable_is_a_problem_with_a_suggestion(
    read: Callable[..., Configuration],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(FILE + ROUTE + 'name = "faders"\n', ROUTE__FADRES__LIMIT="10/s")
    assert str(caught.value) == (
        "environment: OSCBRIDGE__ROUTE__FADRES__LIMIT: "
        "no route has the name 'fadres'; did you mean 'faders'?"
    )


def test_routes_whose_names_differ_only_in_case_are_ambiguous_for_a_variable(
    read: Callable[..., Configuration],
) -> None:
    text = FILE + ROUTE + 'name = "faders"\n' + ROUTE + 'name = "FADERS"\n'
    with pytest.raises(ConfigurationError, match="ambiguous: 'faders' or 'FADERS'; rename one"):
        read(text, ROUTE__FADERS__LIMIT="10/s")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BRIDGE____LISTEN", "expected OSCBRIDGE__TABLE__NAME__KEY"),
        ("A__" * 9 + "A", "expected OSCBRIDGE__TABLE__NAME__KEY"),
        ("BRIDGE__STAGE__LISTEN__PORT", "bridge.stage.listen is not a table and has no keys"),
        ("ROUTE__2__TO", "route is a list of 1; write a number from 1 instead of 2"),
        ("ROUTE__TO", "route is a list of 1; write a number from 1 instead of TO"),
        (
            f"ROUTE__{'9' * 5000}__TO",
            f"route is a list of 1; write a number from 1 instead of {'9' * 5000}",
        ),
    ],
)
def test_invalid_name_of_a_variable_is_a_problem(
    read: Callable[..., Configuration], name: str, text: str
) -> None:
    assert problems(read, **{name: "1"}) == [f"environment: OSCBRIDGE__{name}: {text}"]


def test_variable_cannot_add_a_route(read: Callable[..., Configuration]) -> None:
    text = "environment: OSCBRIDGE__ROUTE__1__TO: the file has no [[route]] that it could change"
    assert problems(read, "", ROUTE__1__TO="web") == [text]


def test_ambiguous_name_is_a_problem(read: Callable[..., Configuration]) -> None:
    text = FILE + '[endpoint.my_desk]\ntype = "osc"\nto = "udp://127.0.0.1:9002"\n'
    (problem,) = problems(read, text, ENDPOINT__MY_DESK__QUEUE="7")
    assert problem.endswith("ambiguous: 'my-desk' or 'my_desk'; rename one of them")


def test_two_variables_for_one_key_are_a_problem() -> None:
    environment = {"OSCBRIDGE__RUN__DRAIN_TIMEOUT": "1", "OSCBRIDGE__run__drain_timeout": "2"}
    assert overlay({}, environment).problems == [
        "OSCBRIDGE__run__drain_timeout: OSCBRIDGE__RUN__DRAIN_TIMEOUT sets the same key"
    ]


def test_too_many_variables_are_one_problem() -> None:
    environment = {f"OSCBRIDGE__BRIDGE__B{n}__MODE": "x" for n in range(MAX_VARIABLES + 1)}
    (problem,) = overlay({}, environment).problems
    assert problem.startswith("1001 variables begin with OSCBRIDGE__")


def test_problems_of_the_file_and_of_the_environment_are_reported_together(
    read: Callable[..., Configuration],
) -> None:
    found = problems(read, BRIDGE____X="1", BRIDGE__STAGE__MODE="quick")
    assert [line.partition(":")[0] for line in found] == ["environment", "show.toml"]


# --- the documentation ------------------------------------------------------------------------


def test_variables_of_the_page_work(monkeypatch: pytest.MonkeyPatch) -> None:
    section = PAGE.read_text().split("## Settings from the environment")[1]
    block = section.split("```text\n")[1].split("```")[0]
    for line in block.splitlines():
        name, _, value = line.partition("  ")[0].partition("=")
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WALL_TOKEN", "wall-and-secret")
    text = f'{FILE}name = "faders"\n{ROUTE}'
    found = parse(text, Plugins().endpoint_types, "show.toml")
    stage = found.bridges["stage"]
    assert (stage.listen.port, stage.limits.max_packet_size, len(stage.allow)) == (9001, 4096, 1)
    assert str(found.endpoints["my-desk"].options).count("10.0.0.7") == 1
    assert [route.limit for route in found.routes] == [60, 60]
    assert [each.name for each in found.tokens] == ["wall"]


# --- the log -----------------------------------------------------------------------------------


def test_log_names_the_variables_and_no_values(
    read: Callable[..., Configuration], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    read(BRIDGE__STAGE__MODE="threading", RUN__DRAIN_TIMEOUT="2")
    assert caplog.messages == [
        "settings from the environment: "
        "OSCBRIDGE__BRIDGE__STAGE__MODE, OSCBRIDGE__RUN__DRAIN_TIMEOUT"
    ]


@pytest.mark.parametrize("number", ["9" * 5_000, "9" * 4_000, "0x" + "f" * 5_000])
def test_huge_integer_of_a_variable_is_one_line(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSCBRIDGE__BRIDGE__A__WORKERS", number)
    with pytest.raises(ConfigurationError) as caught:
        parse("[bridge.a]", {}, "show.toml")
    (line,) = str(caught.value).splitlines()
    assert "OSCBRIDGE__BRIDGE__A__WORKERS" in line
    assert len(line) < 500


def test_without_variables_the_log_is_silent(
    read: Callable[..., Configuration], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    read()
    assert caplog.messages == []


def test_variable_with_a_similar_prefix_logs_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OSCBRIDGE_BRIDGE_OSC_MODE", "forking")
    monkeypatch.setenv("OSCBRIDGE_RUNTIME_DIR", "/x")
    parse("[bridge.osc]", {}, "test")
    assert [record.getMessage() for record in caplog.records] == [
        "OSCBRIDGE_BRIDGE_OSC_MODE is ignored: settings begin with OSCBRIDGE__"
    ]
