"""``oscbridge check --trace``, and functions next to the configuration file."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

SHOW = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[bridge.desk]
listen = "tcp+auto://127.0.0.1:0"
mode = "forking"
[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"
[endpoint.all]
type = "websocket"
listen = "127.0.0.1:0"
[[route]]
from = ["stage", "web"]
match = "/1/fader{n}"
scale = [0.0, 1.0, 0, 127]
send = "/control 1 {n} {0}"
to = "web"
[[route]]
from = "stage"
match = "/cue"
types = "s"
to = "web"
"""


def test_trace_shows_every_step_source_by_source(call: Call, write: Write) -> None:
    result = call("check", write(SHOW), "--trace", "/1/fader3 0.5")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "/1/fader3 ,f 0.5 from bridge stage\n"
        "  route 1 (/1/fader{n})\n"
        "    match  /1/fader{n}         {n} = 3\n"
        "    scale  [0.0, 1.0, 0, 127]  /1/fader3 ,i 64\n"
        "    send   /control 1 {n} {0}  /control ,iii 1 3 64\n"
        "    to     web                 websocket\n"
        "  route 2 (/cue)\n"
        "    match  /cue                no: a different address\n"
        "  a plugin sends it to all unchanged\n"
        "\n"
        "/1/fader3 ,f 0.5 from bridge desk\n"
        "  a plugin sends it to all unchanged\n"
        "\n"
        "/1/fader3 ,f 0.5 from endpoint web\n"
        "  route 1 (/1/fader{n})\n"
        "    match  /1/fader{n}         {n} = 3\n"
        "    scale  [0.0, 1.0, 0, 127]  /1/fader3 ,i 64\n"
        "    send   /control 1 {n} {0}  /control ,iii 1 3 64\n"
        "    to     web                 websocket\n"
        "  a plugin sends it to all unchanged\n"
    )


def test_trace_can_start_at_one_source(call: Call, write: Write) -> None:
    result = call("check", write(SHOW), "--trace", "/x", "--from", "web")
    assert re.findall(r"from (\w+ \w+)$", result.stdout, re.MULTILINE) == ["endpoint web"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("/cue 'intro music' 1", '/cue ,si "intro music" 1'),
        ('/cue "it\'s"', '/cue ,s "it\'s"'),
        ("/cue --types sf intro 2", '/cue ,sf "intro" 2.0'),
        ("/cue -1 true nil", "/cue ,iTN -1 true nil"),
        ("/cue -- -x", '/cue ,s "-x"'),
        ("/cue 0.1", "/cue ,f 0.1"),
        ("/cue", "/cue ,"),
        ("cue 1", "/cue ,i 1"),  # as a bridge reads it
    ],
)
def test_message_is_read_as_send_reads_it(
    message: str, shown: str, call: Call, write: Write
) -> None:
    result = call("check", write(SHOW), "--trace", message, "--from", "stage")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{shown} from bridge stage\n")


def test_trace_reports_a_message_that_is_not_sent(call: Call, write: Write) -> None:
    text = SHOW.replace('[endpoint.all]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n', "")
    path = write(text)
    nowhere = call("check", path, "--trace", "/x", "--from", "stage")
    assert nowhere.stdout.endswith("  it is not sent anywhere\n")
    assert (nowhere.returncode, nowhere.stderr) == (1, "")
    unread = call("check", path, "--trace", "/x", "--from", "desk")
    assert unread.stdout.endswith("  no route reads from this source\n")
    assert (unread.returncode, unread.stderr) == (1, "")


def test_trace_reports_a_message_that_is_for_the_bridge_itself(call: Call, write: Write) -> None:
    text = SHOW + '[bridge.stage.clients]\nabsorb = "/xremote"\n'
    text += '[[route]]\nfrom = "web"\nto = "stage"\n'
    result = call("check", write(text), "--trace", "/xremote", "--from", "stage")
    assert result.stdout.endswith("  for the bridge itself: it is not routed\n")
    assert result.returncode == 1


def test_trace_is_coloured_in_a_terminal(
    call: Call, write: Write, environment: dict[str, str]
) -> None:
    path = write(SHOW)
    environment["FORCE_COLOR"] = "1"
    plain = call("check", path, "--trace", "/1/fader3 0.5").stdout
    path_to = f"{Path(sys.executable).parent}:{environment['PATH']}"
    script = subprocess.run(
        ["script", "-qec", f"oscbridge check {path} --trace '/1/fader3 0.5'", "/dev/null"],
        capture_output=True,
        text=True,
        env=environment | {"PATH": path_to, "TERM": "xterm"},
        check=True,
        timeout=30,
    ).stdout
    assert "\x1b[32mwebsocket\x1b[0m" in script
    assert "\x1b[33mno: a different address\x1b[0m" in script
    assert re.sub(r"\x1b\[\d+m", "", script).replace("\r", "") == plain


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--trace", "c*e"), "'c*e': address must start with '/', got 'c*e'"),
        (("--trace", ""), "Missing argument 'ADDRESS'"),
        (("--trace", "/x 'a"), "no closing quotation"),
        (("--trace", "/x --types i a"), "'a' does not fit type tag 'i'"),
        (("--trace", "/x --tpyes i a"), "did you mean '--types'?"),
        (("--trace", "/x", "--from", "stgae"), "no such bridge or endpoint; did you mean 'stage'?"),
        (("--from", "stage"), "--from needs --trace"),
    ],
)
def test_wrong_usage_is_an_error_without_a_traceback(
    args: tuple[str, ...], text: str, call: Call, write: Write
) -> None:
    result = call("check", write(SHOW), *args)
    assert (result.returncode, result.stdout) == (2, "")
    assert text in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_problem_of_the_file_is_reported_first(call: Call, write: Write) -> None:
    result = call("check", write("[brige.a]"), "--trace", "/x")
    assert result.returncode == 2
    assert "did you mean 'bridge'?" in result.stderr


def test_help_has_an_example(call: Call) -> None:
    shown = call("check", "--help").stdout
    assert 'oscbridge check studio.toml --trace "/1/fader3 0.5"' in shown


# --- functions next to the file ----------------------------------------------------------------

FUNCTION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
mode = "{mode}"
[endpoint.back]
type = "osc"
to = "udp://127.0.0.1:{port}"
[[route]]
from = "stage"
function = "beside_the_file:double"
to = "back"
"""
DOUBLE = """
from oscbridge import Message

def double(message):
    return Message.of(message.address, message.args[0] * 2)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration file outside the working directory."""
    folder = tmp_path / "shows" / "tonight"
    folder.mkdir(parents=True)
    return folder


def test_check_finds_a_module_beside_the_file(call: Call, folder: Path) -> None:
    (folder / "show.toml").write_text(FUNCTION.format(mode="asyncio", port=9))
    (folder / "beside_the_file.py").write_text(DOUBLE)
    result = call("check", str(folder / "show.toml"), "--trace", "/x 4")
    assert "/x ,i 8" in result.stdout


def test_check_reports_where_a_module_is_missing(call: Call, folder: Path) -> None:
    (folder / "show.toml").write_text(FUNCTION.format(mode="asyncio", port=9))
    result = call("check", str(folder / "show.toml"))
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.endswith(
        "route 1: function = 'beside_the_file:double': unknown module 'beside_the_file'; "
        "put beside_the_file.py beside the configuration file, or install it"
    )


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
def test_running_bridge_calls_the_module_in_every_mode(
    mode: str, start: Start, call: Call, folder: Path, udp_socket: Callable[..., Any]
) -> None:
    receiver = udp_socket()
    receiver.settimeout(15)
    port = receiver.getsockname()[1]
    (folder / "show.toml").write_text(FUNCTION.format(mode=mode, port=port))
    (folder / "beside_the_file.py").write_text(DOUBLE)
    program = start("run", str(folder / "show.toml"))
    url = program.wait_for(r"udp://127\.0\.0\.1:\d+")[0]
    program.wait_for("Ctrl-C stops it")
    assert call("send", "/x", "21", "--to", url).returncode == 0
    assert receiver.recv(1000) == b"/x\0\0,i\0\0\0\0\0\x2a"


def test_trace_shows_a_disabled_route(call: Call, write: Write) -> None:
    text = SHOW.replace('match = "/cue"\n', 'match = "/cue"\nenabled = false\n')
    result = call("check", write(text), "--trace", "/cue a", "--from", "stage")
    assert "  route 2 (/cue)\n    enabled  false" in result.stdout
    assert "no: the route is disabled\n" in result.stdout


OPTIONS = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.synth]
type = "midi"
output = "Synth"
[[route]]
from = "stage"
match = "/fader{n}"
to = "synth"
midi = { type = "control_change", control = "{= n + 10}", value = "{= 127 / x}" }
"""


def test_trace_shows_expressions_in_the_options_for_an_endpoint(call: Call, write: Write) -> None:
    result = call("check", write(OPTIONS), "--trace", "/fader3 2.0")
    assert (
        "    midi.control  {= n + 10}   13\n    midi.value    {= 127 / x}  63.5\n" in result.stdout
    )
    assert "\n    to            synth" in result.stdout


def test_trace_shows_a_failing_expression_in_the_options(call: Call, write: Write) -> None:
    result = call("check", write(OPTIONS), "--trace", "/fader3 0.0")
    assert "lost: /fader3: '127 / x' failed: division by zero (x = 0.0)" in result.stdout
    assert "synth" not in result.stdout
