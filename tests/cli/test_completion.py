"""Shell completion: commands, and names of a running bridge, of files and of examples."""

from __future__ import annotations

import json
import os
import resource
import shlex
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from programs import find_program

from oscbridge.cli import COMMANDS, OF_PLUGINS
from oscbridge.cli.example_library import shipped_examples
from oscbridge.cli.plugins import VERBS
from oscbridge.testing.process import PROGRAM

Start = Callable[..., Any]
Write = Callable[..., str]

CONFIGURATION = """
[variables]
armed = true
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9"
[endpoint.dimmer]
type = "osc"
to = "udp://127.0.0.1:9"
[[route]]
name = "faders"
from = "stage"
match = "/fader/*"
to = "desk"
[[route]]
from = "stage"
to = "dimmer"
"""

HEAVY = {
    *("pydantic", "rich", "tomlkit", "zeroconf", "oscbridge.bridge.app"),
    *("oscbridge.bridge.config.reader", "oscbridge.testing", "oscbridge.profiles.profile"),
}
"""Modules that take longer to load than a completion may take, or load such."""

WITH_PLUGINS = {"", "import", *OF_PLUGINS}
"""Commands whose completion loads the plugins, which it lists."""

SHOW_LOADED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from oscbridge.cli import main
main()
"""

MOST = 0.15
"""Seconds of CPU time that a completion may take."""


@pytest.fixture
def complete(environment: dict[str, str], tmp_path: Path) -> Callable[[str], list[str]]:
    """Completes a line as Bash does. Returns the words that are offered."""

    def complete(line: str) -> list[str]:
        words = shlex.split(line) + ([""] if line.endswith(" ") else [])
        variables = {
            "_OSCBRIDGE_COMPLETE": "bash_complete",
            "COMP_WORDS": shlex.join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        done = subprocess.run(
            [PROGRAM],
            capture_output=True,
            text=True,
            env=environment | variables,
            cwd=tmp_path,
            timeout=30,
            check=True,
        )
        assert done.stderr == ""
        return [each.partition(",")[2] for each in done.stdout.splitlines() if each]

    return complete


@pytest.fixture
def running(start: Start, write: Write) -> Any:
    program = start("run", write(CONFIGURATION))
    program.wait_for("Ctrl-C stops it")
    return program


def test_commands_are_completed(complete: Callable[[str], list[str]]) -> None:
    assert complete("oscbridge mu") == ["mute"]
    assert {"run", "tap", "midi"} <= set(complete("oscbridge "))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("oscbridge tap ", ["stage", "desk", "dimmer"]),
        ("oscbridge tap d", ["desk", "dimmer"]),
        ("oscbridge tap --route ", ["faders", "2"]),
        ("oscbridge mute ", ["faders", "2"]),
        ("oscbridge mute faders ", ["2"]),
        ("oscbridge unmute f", ["faders"]),
        ("oscbridge set ", ["armed"]),
    ],
)
def test_names_of_the_running_bridge_are_completed(
    line: str, names: list[str], running: Any, complete: Callable[[str], list[str]]
) -> None:
    assert complete(line) == names


def test_nothing_is_offered_while_no_bridge_runs(complete: Callable[[str], list[str]]) -> None:
    assert complete("oscbridge tap ") == []


def test_sources_in_the_file_are_completed(
    write: Write, complete: Callable[[str], list[str]]
) -> None:
    write(CONFIGURATION)
    assert complete("oscbridge check show.toml --from ") == ["stage", "desk", "dimmer"]
    write("not TOML")
    assert complete("oscbridge check show.toml --from ") == []


def test_examples_and_profiles_are_completed(complete: Callable[[str], list[str]]) -> None:
    assert complete("oscbridge examples copy ") == list(shipped_examples())
    assert complete("oscbridge simulate x") == ["x32", "xair"]
    assert complete("oscbridge init --profile q") == ["qlab"]
    assert complete("oscbridge init --profile t") == []  # no template


def test_blocked_bridge_does_not_block_the_shell(
    complete: Callable[[str], list[str]], environment: dict[str, str]
) -> None:
    path = Path(environment["OSCBRIDGE_RUNTIME_DIR"]) / f"{os.getpid()}.sock"
    path.parent.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        began = time.monotonic()
        assert complete("oscbridge tap ") == []
        assert time.monotonic() - began < 5


def test_answer_of_a_bridge_in_pieces_is_read(
    complete: Callable[[str], list[str]], environment: dict[str, str]
) -> None:
    path = Path(environment["OSCBRIDGE_RUNTIME_DIR"]) / f"{os.getpid()}.sock"
    status = {"bridges": [{"name": "a"}, {"name": "x\ny"}], "endpoints": []}
    answer = json.dumps({"status": status}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(100)
                for byte in answer:
                    client.send(bytes((byte,)))

        thread = threading.Thread(target=serve)
        thread.start()
        assert complete("oscbridge tap ") == ["a"]
        thread.join()


def test_script_for_bash_completes(environment: dict[str, str], tmp_path: Path) -> None:
    folder = str(Path(PROGRAM).parent)
    environment |= {"PATH": f"{folder}{os.pathsep}{environment['PATH']}"}
    script = (
        'eval "$(_OSCBRIDGE_COMPLETE=bash_source oscbridge)"\n'
        "COMP_WORDS=(oscbridge examples copy sha); COMP_CWORD=3\n"
        '_oscbridge_completion oscbridge; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [find_program("bash"), "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=30,
        check=True,
    )
    assert done.stdout == "shared-mixer\n"


@pytest.mark.parametrize(
    "command", ["", *COMMANDS, *OF_PLUGINS, *(f"plugins {each}" for each in VERBS)]
)
def test_completion_loads_only_what_it_needs(command: str, environment: dict[str, str]) -> None:
    words = ["oscbridge", *command.split(), "-" if command else ""]
    variables = {
        "_OSCBRIDGE_COMPLETE": "bash_complete",
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", SHOW_LOADED],
        capture_output=True,
        text=True,
        env=environment | variables,
        timeout=60,
        check=True,
    )
    assert done.stdout
    loaded = set(done.stderr.split())
    assert "oscbridge.cli" in loaded
    assert loaded & HEAVY == set()
    assert ("oscbridge.plugins.manager" in loaded) == (command in WITH_PLUGINS)


@pytest.mark.load  # what else runs takes its part of the caches
@pytest.mark.parametrize(
    "line",
    [
        *("oscbridge ", "oscbridge tap ", "oscbridge mute ", "oscbridge init --profile "),
        *("oscbridge check show.toml --from ", "oscbridge run --lo", "oscbridge test --verb"),
        *("oscbridge simulate ", "oscbridge profiles show ", "oscbridge top --on"),
        *("oscbridge import ", "oscbridge plugins ", "oscbridge examples copy "),
        *("oscbridge leader --ha", "oscbridge devices --js", "oscbridge schema --co"),
    ],
)
def test_completion_is_fast(
    line: str,
    running: Any,
    complete: Callable[[str], list[str]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    # As installed by pip, which compiles all modules.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "compiled")
    assert complete(line)
    times = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert complete(line)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert statistics.median(times) < MOST, times
