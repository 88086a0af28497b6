"""``oscbridge test``."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge.testing.process import PROGRAM

Call = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., str]

SHOW = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.synth]
type = "osc"
to = "udp://127.0.0.1:9001"
[[route]]
from = "stage"
match = "/1/fader{n}"
send = "/control 1 {n} {0}"
to = "synth"
"""
PASSES = """
[[test]]
name = "Fader 3 becomes controller 3"
from = "stage"
send = "/1/fader3 0.5"
expect = "synth /control 1 3 0.5"
"""
FAILS = """
[[test]]
name = "fader 4"
from = "stage"
send = "/1/fader4 0.5"
expect = "synth /control 1 3 0.5"
"""


def in_time(text: str) -> str:
    """The output without the duration."""
    return re.sub(r"=+ (.*) in [0-9.]+s =+", r"\1", text)


def test_passing_tests_are_dots(call: Call, write: Write, tmp_path: Path) -> None:
    write(SHOW + PASSES)
    result = call("test", "show.toml")
    assert (result.returncode, result.stderr) == (0, "")
    gap = " " * (80 - len("show.toml .") - len("[100%]"))
    assert in_time(result.stdout) == f"show.toml .{gap}[100%]\n\n1 passed\n"


def test_failing_test_is_shown_with_its_trace(call: Call, write: Write) -> None:
    write(SHOW + PASSES + FAILS)
    result = call("test", "show.toml")
    assert (result.returncode, result.stderr) == (1, "")
    lines = in_time(result.stdout).splitlines()
    assert lines[0].startswith("show.toml .F ")
    assert [line.strip("=_ ") for line in lines[1:]] == [
        "",
        "FAILURES",
        "fader 4",
        "show.toml: test 2",
        "",
        "synth: expected (-) and received (+)",
        "- /control 1 3 0.5",
        "+ /control 1 4 0.5    argument 2 is 4 (i)",
        "",
        "/1/fader4 ,f 0.5 from bridge stage",
        "route 1 (/1/fader{n})",
        "match  /1/fader{n}         {n} = 4",
        "send   /control 1 {n} {0}  /control ,iif 1 4 0.5",
        "to     synth               osc",
        "",
        "short test summary",
        "FAILED show.toml::fader 4 - synth: argument 2 is 4 (i): /control 1 4 0.5",
        "1 failed, 1 passed",
    ]
    assert all(len(line) <= 80 for line in lines)


def test_verbose_output_has_a_line_for_each_test(call: Call, write: Write) -> None:
    write(SHOW + PASSES + FAILS)
    lines = call("test", "-v", "show.toml").stdout.splitlines()
    assert [re.sub(" +", " ", line) for line in lines[:2]] == [
        "show.toml::Fader 3 becomes controller 3 PASSED [ 50%]",
        "show.toml::fader 4 FAILED [100%]",
    ]
    assert {len(line) for line in lines[:2]} == {80}


def test_tests_are_selected_by_name(call: Call, write: Write) -> None:
    write(SHOW + PASSES + FAILS)
    result = call("test", "show.toml", "-k", "fader 3")
    assert result.returncode == 0
    assert in_time(result.stdout).endswith("\n1 passed, 1 deselected\n")


@pytest.mark.parametrize(
    ("text", "args", "output"),
    [
        (SHOW, (), "show.toml: no tests; add a table [[test]], see oscbridge test --help\n"),
        (SHOW + PASSES, ("-k", "x"), "show.toml: no test has 'x' in its name, of 1\n"),
    ],
)
def test_exit_code_is_5_without_tests(
    call: Call, write: Write, text: str, args: tuple[str, ...], output: str
) -> None:
    write(text)
    result = call("test", "show.toml", *args)
    assert (result.returncode, result.stdout, result.stderr) == (5, output, "")


@pytest.mark.parametrize("command", ["check", "test"])
def test_invalid_test_is_a_problem_of_the_file(call: Call, write: Write, command: str) -> None:
    write(SHOW + PASSES.replace("stage", "stag"))
    result = call(command, "show.toml")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "error: show.toml: test 1 (Fader 3 becomes controller 3): from = 'stag': "
        "no such bridge or endpoint; did you mean 'stage'?\n"
    )


def test_check_counts_tests(call: Call, write: Write) -> None:
    write(SHOW + PASSES)
    result = call("check", "show.toml")
    assert result.stdout == "show.toml: valid: 1 bridge, 1 endpoint, 1 route, 1 test\n"


def test_many_dots_are_wrapped(call: Call, write: Write) -> None:
    tests = "".join(PASSES.replace("Fader 3", f"Fader {n}") for n in range(150))
    write(SHOW + tests)
    lines = in_time(call("test", "show.toml").stdout).splitlines()
    assert [line.count(".") - (n == 0) for n, line in enumerate(lines[:3])] == [63, 73, 14]
    assert [line[-6:] for line in lines[:3]] == ["[ 42%]", "[ 90%]", "[100%]"]
    assert lines[-1] == "150 passed"


def in_terminal(folder: str, environment: dict[str, str]) -> str:
    """The output of the program in a terminal."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, "test", "show.toml"], stdout=terminal, env=environment, cwd=folder
    ):
        os.close(terminal)
        output = b""
        try:
            while data := os.read(controller, 65_536):
                output += data
        except OSError:  # the program has closed its end
            pass
    os.close(controller)
    return output.decode()


def test_colours_are_only_for_terminals(
    call: Call, write: Write, environment: dict[str, str]
) -> None:
    folder = str(Path(write(SHOW + PASSES + FAILS)).parent)
    environment["TERM"] = "xterm"
    assert "\x1b[31m" in in_terminal(folder, environment)
    assert "\x1b" not in in_terminal(folder, environment | {"NO_COLOR": "1"})
    assert "\x1b" not in call("test", "show.toml").stdout


def test_functions_are_imported_from_the_folder_of_the_file(
    call: Call, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "my_show.py").write_text("def f(message):\n    raise ValueError('below zero')\n")
    write(SHOW + 'function = "my_show:f"\n' + PASSES)
    result = call("test", "show.toml")
    assert result.returncode == 1
    text = (
        "error: route 1 (/1/fader{n}): 1 message lost: my_show:f failed: ValueError: below zero ("
    )
    assert f"\n{text}" in result.stdout
    assert result.stderr == ""
