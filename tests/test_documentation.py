"""README.md and the pages about the configuration: their examples, programs and tables are run."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from oscbridge import MessageTemplate
from oscbridge.access import token_failures
from oscbridge.bridge.config import tokens
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.token_models import MAX_TOKENS
from oscbridge.bridge.simulation.message_pattern import MessagePattern
from oscbridge.osc import Message
from oscbridge.osc.pattern import Pattern, Subject
from oscbridge.plugins.manager import Plugins

ROOT = Path(__file__).parents[1]
NAMES = [
    "README.md",
    "docs/explanation/modes.md",
    "docs/how-to/configure.md",
    "docs/how-to/connect.md",
    "docs/how-to/install.md",
    "docs/how-to/keep-messages-on-disk.md",
    "docs/how-to/share-a-device.md",
    "docs/how-to/test-routes.md",
    "docs/how-to/use-as-a-library.md",
    "docs/reference/commands.md",
    *(f"docs/reference/configuration/{name}.md" for name in ("bridge", "endpoint", "route")),
    *(f"docs/reference/configuration/{name}.md" for name in ("token", "variables")),
]
TEXT = "\n".join((ROOT / name).read_text() for name in NAMES)
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PROGRAM = str(Path(sys.executable).with_name("oscbridge"))


def block(language: str, start: str) -> str:
    """The only block of a language that contains a text."""
    (found,) = [text for kind, text in BLOCKS if kind == language and start in text]
    return found


COMMAND_LINES = [
    line.partition("  #")[0].strip().removeprefix(".venv/bin/")
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.splitlines()
]
OUR_COMMANDS = [shlex.split(line)[1:] for line in COMMAND_LINES if line.startswith("oscbridge")]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program whose output is read line by line."""
    running: list[subprocess.Popen[str]] = []

    def start(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            args,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(tmp_path)},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def read_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"no {pattern!r} in:\n{seen}")


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading."""
    section = TEXT.split(f"\n{heading}\n", 1)[1]
    rows = re.search(r"^\| --- .*\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert rows
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows[1].splitlines()]


# --- commands ----------------------------------------------------------------------------------


def test_quoted_banner_is_real(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OSCBRIDGE__BRIDGE__OSC__LISTEN", "udp://127.0.0.1:0")
    for part in ("ENDPOINT__WEB", "HTTP"):
        monkeypatch.setenv(f"OSCBRIDGE__{part}__LISTEN", "127.0.0.1:0")
    process = start(PROGRAM, "run")
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    shown = "".join(lines)
    shown = shown[shown.index("oscbridge ") :]  # after the log
    shown = re.sub(r"udp://127\.0\.0\.1:\d+", "udp://127.0.0.1:9000", shown)
    shown = re.sub(r"ws://127\.0\.0\.1:\d+", "ws://127.0.0.1:8080", shown)
    shown = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:9180", shown)
    shown = re.sub(r"\S*oscbridge send .*/hello", "oscbridge send /hello", shown)
    shown = re.sub(r"\S*oscbridge init", "oscbridge init", shown)
    quoted = block("text", "with its built-in configuration").replace(".venv/bin/", "")
    quoted = quoted.replace("oscbridge 0.1.0", f"oscbridge {version('oscbridge')}")
    quoted = quoted.replace("websocket 0.1.0", f"websocket {version('oscbridge-websocket')}")
    # Other plugins may be installed, and ports may have fewer digits.
    plugins = r"  plugins .*"
    assert re.sub(plugins, "", shown).split() == re.sub(plugins, "", quoted).split()


@pytest.mark.parametrize(
    "args", [args for args in OUR_COMMANDS if args[0] in ("send", "plugins", "--version", "check")]
)
def test_documented_command_works(args: list[str], tmp_path: Path) -> None:
    (tmp_path / "studio.toml").write_text(block("toml", "# studio.toml"))
    tcp = any(each.startswith("tcp://") for each in args)
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        if tcp:
            receiver.listen()
        if args[0] == "send":
            args = [each for each in args if not each.startswith(("--to", "udp://", "tcp://"))]
            port = receiver.getsockname()[1]
            args += ["--to", f"{'tcp' if tcp else 'udp'}://127.0.0.1:{port}"]
        result = subprocess.run(
            [PROGRAM, *args], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=30
        )
        assert (result.returncode, result.stderr) == (0, "")
        if args[0] == "send":
            assert args[1].encode() + b"\0" in received(receiver, tcp=tcp)


def received(receiver: socket.socket, *, tcp: bool) -> bytes:
    if not tcp:
        return receiver.recv(65_536)
    connection, _ = receiver.accept()
    with connection:
        return connection.recv(65_536)


@pytest.mark.parametrize("args", [args for args in OUR_COMMANDS if args[0] == "dump"])
def test_documented_dump_works(
    args: list[str], start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start(PROGRAM, *(re.sub(r":\d+$", ":0", arg) for arg in args))
    read_until(process, r"listening on \S+://")


def test_quoted_trace_is_real(tmp_path: Path) -> None:
    (tmp_path / "studio.toml").write_text(block("toml", "# studio.toml"))
    (args,) = [args for args in OUR_COMMANDS if "--trace" in args and "--from" not in args]
    result = subprocess.run(
        [PROGRAM, *args], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=30
    )
    assert (result.stdout, result.stderr) == (block("text", "from bridge stage"), "")


@pytest.mark.parametrize("args", [args for args in OUR_COMMANDS if args[0] == "init"])
def test_documented_init_works_with_its_proposed_answers(args: list[str], tmp_path: Path) -> None:
    for command, answers in ((args, "\n" * 5), (["check", args[1]], None)):
        result = subprocess.run(
            [PROGRAM, *command], input=answers, capture_output=True, text=True, cwd=tmp_path
        )
        assert (result.returncode, result.stderr) == (0, "")


def test_every_command_is_tested() -> None:
    assert {args[0] for args in OUR_COMMANDS} == {
        *("--version", "check", "dump", "init", "plugins", "run", "send", "test")
    }
    others = {line for line in COMMAND_LINES if line and not line.startswith("oscbridge")}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for line in others:
        if line.startswith("make "):
            assert line.removeprefix("make ") in targets
        elif line.startswith("pip install . "):
            for folder in line.split()[2:]:
                assert (ROOT / folder / "pyproject.toml").is_file(), folder
        else:
            found = re.fullmatch(r'pip install (?:oscbridge|"oscbridge\[([\w,]+)\]")', line)
            assert found, line
            assert found[1] is None or set(found[1].split(",")) <= extras.keys()


# --- configuration -----------------------------------------------------------------------------


def test_sample_configuration_is_valid_and_runs(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    sample = block("toml", "# studio.toml")
    configuration = parse(sample, Plugins().endpoint_types, "studio.toml")
    assert (list(configuration.bridges), list(configuration.endpoints)) == (
        ["stage"],
        ["dashboard"],
    )
    private = re.sub(r"(0\.0\.0\.0|127\.0\.0\.1):\d+", "127.0.0.1:0", sample)
    (tmp_path / "studio.toml").write_text(private)
    read_until(start(PROGRAM, "run", "studio.toml"), "Ctrl-C stops it")


MISSPELT = block("toml", "# studio.toml").replace("listen", "lisen", 1)
UNQUOTED = "[bridge.stage]\nlisten = udp://0.0.0.0:9000\n"


@pytest.mark.parametrize(
    ("text", "start"),
    [(MISSPELT, "error: studio.toml: bridge"), (UNQUOTED, "error: studio.toml: not valid TOML")],
    ids=["key", "syntax"],
)
def test_quoted_error_is_real(tmp_path: Path, text: str, start: str) -> None:
    (tmp_path / "studio.toml").write_text(text)
    result = subprocess.run(
        [PROGRAM, "check", "studio.toml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=30,
    )
    assert result.stderr == block("text", start)


CONFIGURATIONS = [
    text
    for kind, text in BLOCKS
    if kind == "toml" and not text.startswith("[project") and '"print"' not in text
]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_configuration_is_valid(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_show.py").write_text(block("python", "# my_show.py"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_show", raising=False)
    raw = tomllib.loads(text)
    if not {"bridge", "endpoint"} & raw.keys():  # only routes, inserted between those of the sample
        text = block("toml", "# studio.toml").partition("[[route]]")[0] + text
    parse(text, Plugins().endpoint_types, "page.toml", with_tests=True)


@pytest.mark.parametrize("args", [args for args in OUR_COMMANDS if args[0] == "test"])
def test_documented_tests_pass(args: list[str], tmp_path: Path) -> None:
    (tmp_path / "tested.toml").write_text(block("toml", "# tested.toml"))
    result = subprocess.run(
        [PROGRAM, *args], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=30
    )
    assert (result.returncode, result.stderr) == (0, "")
    if "-v" not in args:
        quoted = block("text", "tested.toml ..")
        assert re.sub(r"\d\.\d\d", "", result.stdout) == re.sub(r"\d\.\d\d", "", quoted)


@pytest.mark.parametrize("row", table("| in `expect` and `never` | stands for |"))
def test_examples_of_expect_are_valid(row: list[str]) -> None:
    MessagePattern(row[0].strip("`").removeprefix("synth "))


def test_every_step_has_an_example() -> None:
    routes = [route for text in CONFIGURATIONS for route in tomllib.loads(text).get("route", [])]
    keys = {field.alias or key for key, field in RouteOptions.model_fields.items()}
    assert {key for route in routes for key in route} == keys


def test_every_transport_and_every_key_of_the_host_has_an_example() -> None:
    whole = [tomllib.loads(text) for text in CONFIGURATIONS]
    bridges = [table for text in whole for table in text.get("bridge", {}).values()]
    listens = {table.get("listen", "").partition("://")[0] for table in bridges}
    assert listens >= {"udp", "tcp", "tcp+1.0", "tcp+auto"}
    endpoints = [table for text in whole for table in text.get("endpoint", {}).values()]
    assert {key for table in endpoints for key in table} >= HostOptions.model_fields.keys()


def test_example_function_makes_a_message() -> None:
    space: dict[str, Callable[[Message], Message]] = {}
    exec(block("python", "# my_show.py"), space)
    made = space["to_decibels"](Message.of("/master", 0.25))
    assert made[:3] == ("/level", "f", (-40.0,))


@pytest.mark.parametrize("row", table("| in `send` | stands for |"))
def test_examples_of_send_are_valid(row: list[str]) -> None:
    for text in re.findall("`([^`]+)`", row[0]):
        template = MessageTemplate(f"/x {text}", ("n",))
        _, types, _ = template.bind("/1/fader3", "f", {"n": "3"})
        if text[0] != "{":
            named = re.findall("`(.)`", row[1])
            assert types in (named or ["s"])


def test_mode_table_matches_the_model() -> None:
    (mode,) = [f for name, f in BridgeOptions.model_fields.items() if name == "mode"]
    modes: tuple[str, ...] = mode.annotation.__args__  # type: ignore[union-attr]
    assert [row[0] for row in table("# Modes")] == [f"`{name}`" for name in modes]


@pytest.mark.parametrize("example", [row[2] for row in table("## Patterns")])
def test_pattern_example_is_true(example: str) -> None:
    pattern, *addresses = re.findall("`([^`]+)`", example)
    assert addresses
    for address in addresses:
        assert Pattern(pattern, mapped=True).matches(Subject(address))


# --- programs ----------------------------------------------------------------------------------


def test_server_and_the_client_work_together(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "server.py").write_text(block("python", "# server.py").replace("5005", "0"))
    server = start(sys.executable, "server.py")
    port = read_until(server, r"listening on 127\.0\.0\.1 (\d+)")[1]
    (tmp_path / "client.py").write_text(block("python", "# client.py").replace("5005", port))
    subprocess.run([sys.executable, "client.py"], cwd=tmp_path, check=True, timeout=30)
    read_until(server, r"^/filter/low 0\.5$")


@pytest.mark.parametrize(
    "text",
    [
        f"fewer than {tokens.MIN_SECRET} characters",
        f"At most {MAX_TOKENS} tokens",
        f"after {token_failures.FIRST_DELAY:g} s, ",
        f"the next after {2 * token_failures.FIRST_DELAY:g} s, ",
        f"up to {token_failures.MAX_DELAY:g} s",
        f"more than {token_failures.MAX_DELAYED} answers to one address",
        f"After {token_failures.MAX_FAILURES} wrong ones",
        f"retry in {token_failures.BLOCK_TIME:g} s",
        f"forgotten after {token_failures.FORGET_TIME:g} s",
        f"{token_failures.MAX_NETWORKS:,} addresses are remembered",
    ],
)
def test_limits_of_tokens_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in (ROOT / "docs/reference/configuration/token.md").read_text()
