"""Configuration: valid files are read, and every problem is one line with place, value and fix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

import oscbridge
from oscbridge import ConfigurationError, Endpoint, HostPort
from oscbridge.bridge.config.config import DEFAULT, load, parse
from oscbridge.bridge.config.file import MAX_FILE
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.net.url import OSCURL


class EveryKind(oscbridge.Options):
    """Options of every kind."""

    listen: HostPort = HostPort("127.0.0.1", 8080)
    count: Annotated[int, Field(ge=1, le=10)] = 5
    page: bool = True
    names: tuple[str, ...] = ("a", "b")
    rate: float = 1.5
    token: str = Field(default="", max_length=3)


class Server(Endpoint[EveryKind]):
    """An endpoint with options of every kind."""

    async def send(self, message: oscbridge.Message) -> None:
        pass


class Sensor(Endpoint):
    """A source and no sink."""


TYPES: dict[str, type[Endpoint]] = {"server": Server, "sensor": Sensor}
GOOD = """
[bridge.stage]
listen = "udp://127.0.0.1:9000"
[endpoint.web]
type = "server"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, TYPES, "show.toml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("show.toml: ") for line in lines)
    return [line.removeprefix("show.toml: ") for line in lines]


def route(lines: str) -> str:
    return f"{GOOD}[[route]]\n{lines}\n"


# --- valid ------------------------------------------------------------------------------


def test_built_in_configuration_parses() -> None:
    configuration = parse(DEFAULT, {"websocket": Server}, "built in")
    assert list(configuration.bridges) == ["osc"]
    assert list(configuration.endpoints) == ["web"]


def test_empty_file_is_valid() -> None:
    assert parse("", TYPES, "show.toml").bridges == {}


def test_every_key_of_a_bridge_has_a_default() -> None:
    bridge = parse("[bridge.a]", TYPES, "show.toml").bridges["a"]
    assert (bridge.listen, bridge.mode) == (OSCURL("udp", "127.0.0.1", 9000), "asyncio")
    assert (bridge.workers, bridge.interface) == (32, "")


def test_route_takes_one_name_or_several() -> None:
    text = route('from = "stage"\nto = "web"') + '[[route]]\nfrom = ["stage", "web"]\nto = ["web"]'
    one, several = parse(text, TYPES, "show.toml").routes
    assert one == RouteConfig(sources=("stage",), to=("web",))
    assert (several.sources, several.to) == (("stage", "web"), ("web",))


def test_file_can_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_bytes(b"\xef\xbb\xbf[bridge.a]\n")
    assert list(load(path, TYPES).bridges) == ["a"]


# --- one problem, one line -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("[brige.a]", "brige: unknown key; did you mean 'bridge'?", id="file-key"),
        pytest.param(
            "[xyz]",
            "xyz: unknown key; known keys: bridge, endpoint, http, route, run",
            id="file-key-far",
        ),
        pytest.param(
            "[bridge.a]\nlisen = 1",
            "bridge.a.lisen: unknown key; did you mean 'listen'?",
            id="bridge-key",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\ncuont = 1',
            "endpoint.a.cuont: unknown key; did you mean 'count'?",
            id="endpoint-key",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\nxyz = 1',
            "endpoint.a.xyz: unknown key; "
            "known keys: count, listen, max_age, names, on_start, page, policy, queue, rate, "
            "spool, stall_timeout, token",
            id="endpoint-key-far",
        ),
        pytest.param(
            route('from = "stage"\nto = "web"\nmtach = "/a"'),
            "route 1: mtach: unknown key; did you mean 'match'?",
            id="route-key",
        ),
        pytest.param(
            "[bridge.a]\nlisten = 9000",
            'bridge.a.listen = 9000: expected text in quotes; the default is "udp://127.0.0.1:9000"',
            id="text",
        ),
        pytest.param(
            '[bridge.a]\nlisten = "127.0.0.1:9000"',
            "bridge.a.listen = '127.0.0.1:9000': write it as udp://host:port, "
            "for example udp://127.0.0.1:9000",
            id="url",
        ),
        pytest.param(
            '[bridge.a]\nlisten = "ftp://127.0.0.1:9000"',
            "bridge.a.listen = 'ftp://127.0.0.1:9000': unknown transport 'ftp'",
            id="url-scheme",
        ),
        pytest.param(
            '[bridge.a]\nmode = "thread"',
            "bridge.a.mode = 'thread': expected 'asyncio', 'blocking', 'threading' or 'forking'; "
            "did you mean 'threading'?",
            id="mode",
        ),
        pytest.param(
            "[bridge.a]\nmode = 5",
            "bridge.a.mode = 5: expected 'asyncio', 'blocking', 'threading' or 'forking'; "
            'the default is "asyncio"',
            id="mode-type",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\ncount = "many"',
            "endpoint.a.count = 'many': expected a whole number; the default is 5",
            id="int",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\ncount = 1.5',
            "endpoint.a.count = 1.5: expected a whole number; the default is 5",
            id="int-from-float",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\ncount = 0',
            "endpoint.a.count = 0: must be at least 1; the default is 5",
            id="too-small",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\ncount = 11',
            "endpoint.a.count = 11: must be at most 10; the default is 5",
            id="too-large",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\npage = "perhaps"',
            "endpoint.a.page = 'perhaps': expected true or false; the default is true",
            id="bool",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\nrate = "fast"',
            "endpoint.a.rate = 'fast': expected a number; the default is 1.5",
            id="float",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\nnames = "a"',
            'endpoint.a.names = \'a\': expected a list, in brackets; the default is ["a", "b"]',
            id="list",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\nnames = [1]',
            'endpoint.a.names.1 = 1: expected text in quotes; the default is ["a", "b"]',
            id="list-item",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\nlisten = "8080"',
            "endpoint.a.listen = '8080': write it as host:port, "
            "for example 127.0.0.1:8080 or [::1]:8080",
            id="host-port",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "sevrer"',
            "endpoint.a.type = 'sevrer': unknown endpoint type; did you mean 'server'?",
            id="type",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "mqtt"',
            "endpoint.a.type = 'mqtt': unknown endpoint type; "
            "install the plugin that offers it: pip install oscbridge-mqtt",
            id="type-of-no-plugin",
        ),
        pytest.param(
            "[endpoint.a]\ntype = 5",
            "endpoint.a.type = 5: unknown endpoint type; available: sensor, server",
            id="type-of-wrong-type",
        ),
        pytest.param(
            "[endpoint.a]",
            "endpoint.a: missing key 'type'; available: sensor, server",
            id="type-missing",
        ),
        pytest.param(
            '[endpoint.a]\ntyp = "server"',
            "endpoint.a: unknown key 'typ'; did you mean 'type'?",
            id="type-misspelled",
        ),
        pytest.param(
            "bridge = 5", "bridge = 5: expected tables, e.g. [bridge.stage]", id="bridge-no-table"
        ),
        pytest.param(
            "[bridge]\nlisten = 5",
            "bridge.listen = 5: expected a table; "
            "give it a name, e.g. [bridge.stage], above its keys",
            id="bridge-without-name",
        ),
        pytest.param(
            '[route]\nfrom = "a"',
            "route = {'from': 'a'}: expected a list of tables; write [[route]]",
            id="route-one-bracket",
        ),
        pytest.param(
            '[bridge."a b"]',
            "bridge.a b: invalid name; use up to 64 letters a-z, digits, '-' and '_'",
            id="name",
        ),
        pytest.param(
            GOOD + '[endpoint.stage]\ntype = "server"\nlisten = "127.0.0.1:1"',
            "endpoint.stage: duplicate name: a bridge has it too, "
            "and routes need distinct names; rename one",
            id="same-name",
        ),
        pytest.param(
            route('from = "stgae"\nto = "web"'),
            "route 1: from = 'stgae': no such bridge or endpoint; did you mean 'stage'?",
            id="from",
        ),
        pytest.param(
            route('from = "xyz"\nto = "web"'),
            "route 1: from = 'xyz': no such bridge or endpoint; available: stage, web",
            id="from-far",
        ),
        pytest.param(
            route('from = "stage"\nto = "wbe"'),
            "route 1: to = 'wbe': no such bridge or endpoint; did you mean 'web'?",
            id="to",
        ),
        pytest.param(
            route('from = "stage"\nto = "xyz"'),
            "route 1: to = 'xyz': no such bridge or endpoint; available: stage, web",
            id="to-far",
        ),
        pytest.param(
            route('from = "stage"\nto = "eye"\n[endpoint.eye]\ntype = "sensor"'),
            "route 1: to = 'eye': this endpoint only receives; use it under 'from'",
            id="to-a-source",
        ),
        pytest.param(route('from = "stage"'), "route 1: to: missing key", id="route-key-missing"),
        pytest.param(
            route('from = "stage"\nto = []'),
            'route 1: to = []: expected a name in quotes, or a list of names: ["one", "two"]',
            id="to-nobody",
        ),
        pytest.param(
            route('from = 5\nto = "web"'),
            'route 1: from = 5: expected a name in quotes, or a list of names: ["one", "two"]',
            id="from-of-wrong-type",
        ),
        pytest.param(
            route('from = "stage"\nto = "web"\nmatch = "a"'),
            "route 1: match = 'a': an address pattern must start with '/' or '*'",
            id="match-without-slash",
        ),
        pytest.param(
            route('from = "stage"\nto = "web"\nmatch = "/a{"'),
            "route 1: match = '/a{': unclosed '{' at position 2",
            id="match-without-end",
        ),
        pytest.param(
            route('from = "stage"\nto = "web"\nmatch = "/{n}/{n}"'),
            "route 1: match = '/{n}/{n}': duplicate name of a capture",
            id="match-captures-twice",
        ),
        pytest.param(
            '[endpoint.a]\ntype = "server"\n[endpoint.b]\ntype = "server"',
            "endpoint.b.listen = '127.0.0.1:8080': endpoint.a already listens on '127.0.0.1:8080'; "
            "choose another port",
            id="endpoints-on-one-port",
        ),
    ],
)
def test_problem_is_one_line_with_place_value_and_fix(text: str, line: str) -> None:
    (found,) = problems(text)
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("[::]", "127.0.0.1"),
        ("[::]", "[::1]"),
    ],
)
def test_two_bridges_on_one_port_are_a_problem(one: str, other: str) -> None:
    text = f'[bridge.a]\nlisten = "udp://{one}:9000"\n[bridge.b]\nlisten = "udp://{other}:9000"'
    assert problems(text) == [
        f"bridge.b.listen = 'udp://{other}:9000': bridge.a already listens on 'udp://{one}:9000'; "
        "choose another port"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:9000", "127.0.0.1:9001"),
        ("127.0.0.1:9000", "127.0.0.2:9000"),
        ("0.0.0.0:9000", "[::1]:9000"),
    ],
)
def test_two_bridges_without_a_port_conflict_are_valid(one: str, other: str) -> None:
    text = f'[bridge.a]\nlisten = "udp://{one}"\n[bridge.b]\nlisten = "udp://{other}"'
    assert len(parse(text, TYPES, "show.toml").bridges) == 2


def test_all_problems_are_reported_at_once() -> None:
    text = """
    [bridge.a]
    lisen = "udp://127.0.0.1:9000"
    [endpoint.b]
    type = "sevrer"
    [endpoint.c]
    type = "server"
    count = 0
    [[route]]
    from = "aa"
    to = "c"
    [[route]]
    from = "a"
    to = "c"
    match = "x"
    """
    assert [line.partition(" = ")[0].partition(": unknown")[0] for line in problems(text)] == [
        "bridge.a.lisen",
        "endpoint.b.type",
        "endpoint.c.count",
        "route 1: from",
        "route 2: match",
    ]


def test_invalid_endpoint_is_not_reported_again_by_its_routes() -> None:
    text = '[bridge.a]\nx = 1\n[endpoint.b]\ntype = "x"\n[[route]]\nfrom = "a"\nto = "b"'
    assert len(problems(text)) == 2


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ('"a\\u001b[31m"', r"a\x1b[31m: unknown key"),
        ("k" * 100_000, f"{'k' * 79}…: unknown key"),
        ('""', '"": unknown key'),
    ],
    ids=["control", "long", "empty"],
)
def test_odd_key_is_shown_in_one_short_line(key: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(f"{key} = 1\n", {}, "show.toml")
    assert str(caught.value).startswith(f"show.toml: {shown}")


def test_long_value_is_truncated() -> None:
    (line,) = problems(f'[bridge.a]\nlisten = "{"x" * 10_000}"')
    assert len(line) < 300


# --- files -------------------------------------------------------------------------------------


def load_fails(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(path, TYPES)
    line, *shown = str(caught.value).splitlines()
    assert all(each.startswith("  ") for each in shown)  # the line of the file and the caret
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_toml_error_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_text("[bridge.a]\nlisten = \n")
    assert load_fails(path) == "not valid TOML: line 2: missing value of 'listen'"


def test_duplicate_key_is_a_toml_error(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_text('[bridge.a]\nmode = "asyncio"\nmode = "blocking"\n')
    assert load_fails(path) == "not valid TOML: line 3: duplicate key"


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        ".".join(["a"] * 3_000) + " = 1",
        "[" + ".".join(["a"] * 3_000) + "]",
        ".".join(["a"] * 101) + " = 1",
        "[[" + ".".join(["a"] * 100) + "]]",
        "a = " + "[" * 101 + "]" * 101,
    ],
)
def test_deep_nesting_is_a_toml_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_text(text)
    assert load_fails(path) == "not valid TOML: nested too deeply"


@pytest.mark.parametrize(
    "text",
    [
        "{} = 1",
        "  [{}]",
        "[[ {} ]]\n",
        '# a comment\nx = 1\n"a b" . {} = 1',
        "[{}]\n" + "\n".join(f"a{number} = 1" for number in range(20_000)),
    ],
)
@pytest.mark.parametrize("part", ["a", "'a.b'", '"\\"a"', "a-1 "])
def test_key_of_many_parts_is_rejected_before_it_is_parsed(
    text: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tomllib.loads", None)  # it would take minutes
    path = tmp_path / "show.toml"
    path.write_text(text.format(".".join([part] * 20_000)))
    assert load_fails(path) == "not valid TOML: nested too deeply"


def test_dots_in_texts_are_not_parts_of_a_key() -> None:
    dots = ".".join(["1"] * 200)
    text = f"x = '{dots}' # {dots}\n'{dots}' = \"{dots}\"\n# {dots} = 1\n"
    assert parse_toml(text, "show.toml") == {"x": dots, dots: dots}


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("9" * 5_000, "not valid TOML: integer of more than 4,300 digits (at line 2)"),
        ("9_" * 5_000 + "9", "not valid TOML: integer of more than 4,300 digits (at line 2)"),
        ("0x" + "f" * 5_000, "bridge.a.workers: integer out of range: it must fit in 64 bits"),
        ("9" * 4_000, "bridge.a.workers: integer out of range: it must fit in 64 bits"),
        (f"[1, {2**63}]", "bridge.a.workers.2: integer out of range: it must fit in 64 bits"),
    ],
    ids=["5,000 digits", "underscores", "hexadecimal", "4,000 digits", "64 bits"],
)
def test_huge_integer_is_one_line(tmp_path: Path, number: str, problem: str) -> None:
    path = tmp_path / "show.toml"
    path.write_text(f"[bridge.a]\nworkers = {number}\n")
    assert load_fails(path) == problem


def test_huge_integer_of_a_route_is_named_as_other_problems_are(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_text(f"[[route]]\nset = {{ n = {2**64} }}\n")
    assert load_fails(path).startswith("route 1: set.n: integer out of range")


def test_file_that_is_not_utf_8_is_a_problem_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_bytes(b"[bridge.a]\n# caf\xe9\n")
    assert load_fails(path) == "line 2: not UTF-8; save it as UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_file_that_powershell_has_written_is_a_problem(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "show.toml"
    path.write_bytes("\ufeff[bridge.a]\r\n".encode(encoding))
    assert load_fails(path) == "UTF-16, as PowerShell writes it; save it as UTF-8"


def test_file_that_is_too_large_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_bytes(b"#" * (MAX_FILE + 1))
    assert load_fails(path) == f"larger than {MAX_FILE} bytes; expected a configuration file"


def test_missing_file_suggests_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "studio.toml").touch()
    assert load_fails(tmp_path / "studoi.toml") == ("no such file; did you mean 'studio.toml'?")


def test_missing_file_suggests_the_name_with_its_ending(tmp_path: Path) -> None:
    (tmp_path / "b.toml").touch()
    assert load_fails(tmp_path / "b") == "no such file; did you mean 'b.toml'?"


def test_missing_file_in_a_missing_directory_is_a_problem(tmp_path: Path) -> None:
    assert load_fails(tmp_path / "x" / "y.toml") == "no such file; check the name"


def test_directory_is_a_problem(tmp_path: Path) -> None:
    assert load_fails(tmp_path) == "this is a directory; name a file"


def test_directory_with_one_configuration_suggests_it(tmp_path: Path) -> None:
    path = tmp_path / "oscbridge.toml"
    path.touch()
    assert load_fails(tmp_path) == f"this is a directory; did you mean {str(path)!r}?"
    (tmp_path / "other.toml").touch()
    assert load_fails(tmp_path) == "this is a directory; name a file"


def test_empty_configuration_logs_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parse("", {}, "show.toml")
    assert "show.toml: no bridges and no endpoints: nothing will be received" in caplog.text


def test_regular_expression_in_a_match_is_a_star_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    routes = "".join(
        f'[[route]]\nfrom = "in"\nmatch = "{match}"\nto = "out"\n'
        for match in ("/a.b/*", "/ch/.*", ".*", "/.*/x")
    )
    text = (
        '[bridge.in]\nlisten = "udp://127.0.0.1:0"\n'
        '[endpoint.out]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n'
    )
    found = parse(text + routes, {"osc": OSCEndpoint}, "show.toml")
    assert [route.match for route in found.routes] == ["/a.b/*", "/ch/*", "*", "/*/x"]
    assert caplog.messages == [
        "show.toml: route 2: match: '/ch/.*' is read as '/ch/*'; write '*', not '.*'; so are 2 more"
    ]
