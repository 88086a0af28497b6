"""``oscbridge reload`` with running bridges, started from the command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
"""
MORE = """
[bridge.more]
listen = "udp://127.0.0.1:0"
"""


@pytest.fixture
def environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a separate folder for sockets, whose path is short."""
    with TemporaryDirectory(prefix="osc") as folder:
        yield environment | {"OSCBRIDGE_RUNTIME_DIR": folder}


@pytest.fixture
def run(start: Start, write: Write) -> Callable[..., Any]:
    """Starts a bridge with a file of this name, and waits until it is ready."""

    def run(name: str = "show.toml") -> Any:
        program = start("run", write(CONFIGURATION, name))
        program.wait_for("Ctrl-C stops it")
        return program

    return run


def test_reload_reports_the_changes(run: Callable[..., Any], write: Write, call: Call) -> None:
    run()
    file = write(CONFIGURATION + MORE)
    result = call("reload")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"reloaded {file}: added bridge.more\n"
    assert call("reload").stdout == f"reloaded {file}: nothing changed\n"


def test_invalid_file_is_rejected_and_the_bridge_keeps_running(
    run: Callable[..., Any], write: Write, call: Call
) -> None:
    program = run()
    file = write('[bridge.stage]\nlisen = "udp://127.0.0.1:0"\nmode = "fast"\n')
    result = call("reload")
    assert (result.returncode, result.stdout) == (2, "")
    lines = {line.partition(f"error: {file}: ")[2] for line in result.stderr.splitlines()}
    assert len(lines) == 2
    assert "bridge.stage.lisen: unknown key; did you mean 'listen'?" in lines
    write(CONFIGURATION)
    assert call("reload").stdout.endswith("nothing changed\n")
    assert program.stop() == 0


def test_plugin_installed_since_the_start_needs_a_restart(
    start: Start, write: Write, call: Call, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    environment["PYTHONPATH"] = str(folder)
    program = start("run", write(CONFIGURATION))
    program.wait_for("Ctrl-C stops it")
    info = folder / "tape-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tape\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[oscbridge]\nrecorder = tape\n")
    write(CONFIGURATION + '[endpoint.new]\ntype = "tape"\n')
    result = call("reload")
    assert result.returncode == 2
    assert "unknown endpoint type" in result.stderr
    assert "installed since the start, restart the bridge to use: recorder" in result.stderr


def test_failed_connection_is_a_warning(run: Callable[..., Any], write: Write, call: Call) -> None:
    run()
    write(
        CONFIGURATION + '[endpoint.desk]\ntype = "osc"\nto = "tcp://127.0.0.1:9"\n'
        '[[route]]\nfrom = "stage"\nto = "desk"\n'
    )
    result = call("reload")
    assert (result.returncode, result.stdout.rpartition(": ")[2]) == (
        0,
        "added endpoint.desk; 1 route new or changed\n",
    )
    assert result.stderr.startswith("warning: endpoint.desk: not connected: connection refused")


def test_file_or_process_selects_one_of_several_bridges(
    run: Callable[..., Any], write: Write, call: Call, tmp_path: Path
) -> None:
    run("one.toml")
    other = run("two.toml")
    result = call("reload")
    assert result.returncode == 1
    first, *listed = result.stderr.splitlines()
    assert first == "error: several bridges are running here; choose one with --pid:"
    assert [Path(line.split()[2]).name for line in listed] == ["one.toml", "two.toml"]
    assert call("reload", "two.toml").stdout.startswith(f"reloaded {tmp_path / 'two.toml'}: ")
    by_pid = call("reload", "--pid", str(other.process.pid))
    assert by_pid.stdout.startswith(f"reloaded {tmp_path / 'two.toml'}: ")
    assert call("reload", "three.toml").returncode == 1


def test_reload_without_a_bridge_explains_how_to_start_one(call: Call) -> None:
    result = call("reload")
    text = "error: no bridge of this user is running here; start one with: oscbridge run\n"
    assert (result.returncode, result.stderr) == (1, text)


def test_huge_integer_is_rejected_with_one_line(
    run: Callable[..., Any], write: Write, call: Call
) -> None:
    program = run()
    file = write(CONFIGURATION + "workers = " + "9" * 5_000)
    expected = f"error: {file}: not valid TOML: integer of more than 4,300 digits (at line 4)\n"
    reloaded, checked = call("reload"), call("check", file)
    assert (reloaded.returncode, reloaded.stderr) == (2, expected)
    assert (checked.returncode, checked.stderr) == (2, expected)
    program.wait_for("reload rejected; still running the previous configuration: .*4,300 digits")


def test_syntax_error_is_shown_with_its_line_and_a_caret(
    run: Callable[..., Any], write: Write, call: Call
) -> None:
    program = run()
    file = write("[bridge.stage]\nlisten = udp://127.0.0.1:0\n")
    shown = ["  2 | listen = udp://127.0.0.1:0", '    |          ^ write "udp://127.0.0.1:0"']
    expected = [f"error: {file}: not valid TOML: line 2: missing quotes", *shown]
    for command in (["reload"], ["check", file]):
        result = call(*command)
        assert (result.returncode, result.stderr.splitlines()) == (2, expected)
    program.wait_for("reload rejected; still running the previous .*: line 2: missing quotes")
    program.wait_for(r"  2 \| listen = udp://127\.0\.0\.1:0")
    program.wait_for(r"    \|          \^ write")


def test_reload_reads_included_files_again(
    run: Callable[..., Any], write: Write, call: Call
) -> None:
    run()
    file = write('include = ["more-*.toml"]\n' + CONFIGURATION)
    included = write(MORE, "more-a.toml")
    assert call("reload").stdout == f"reloaded {file}: added bridge.more\n"
    write("[bridge.more]\nlisen = 5\n", "more-a.toml")
    result = call("reload")
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {included}: bridge.more.lisen: unknown key; ")
