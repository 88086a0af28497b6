"""Errors in a configuration, and missing libraries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oscbridge.testing import check_configuration, configuration_error

ROUTE = """
[bridge.osc]
[endpoint.synth]
type = "midi"
output = "x"
[[route]]
from = "osc"
to = "synth"
"""


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("", 'output = None: set a port, e.g. output = "Launchpad"; see `oscbridge midi ports`'),
        ('output = "x"\nlisten = "127.0.0.1:1"', "'listen' works in both directions; remove"),
        ('output = "midi+tcp://here"', "write it as midi+tcp://host:port"),
        ('output = "virtual:"', "must not be empty after 'virtual:'"),
        ('output = "x"\nbackend = "alas"', "did you mean 'alsa'?"),
        ('output = "x"\npairs = [32]', "must be at most 31"),
        ('output = "x"\nlevel = 3', "unknown key"),
        ('output = "midi+udp://127.0.0.1:1"', "write it as midi+tcp://host:port"),
        ('listen = "x"', "write it as host:port"),  # and no error about the output
    ],
)
def test_endpoint_error_is_one_line_with_the_fix(lines: str, text: str) -> None:
    found = configuration_error(f'[endpoint.synth]\ntype = "midi"\n{lines}\n')
    assert "test.toml: endpoint.synth" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize("port", [5004, 5005])
def test_both_ports_of_rtp_midi_are_taken(port: int) -> None:
    session = '[endpoint.synth]\ntype = "midi"\nlisten = "rtp://127.0.0.1:5004"\n'
    found = configuration_error(f'[bridge.osc]\nlisten = "udp://127.0.0.1:{port}"\n{session}')
    assert f"bridge.osc already listens on 'udp://127.0.0.1:{port}'" in found
    other = session.replace("synth", "other").replace("5004", str(port))
    assert "already listens on" in configuration_error(session + other)


def test_any_free_pair_of_ports_is_no_conflict() -> None:
    session = '[endpoint.{}]\ntype = "midi"\nlisten = "rtp://127.0.0.1:0"\n'
    check_configuration(session.format("synth") + session.format("other"))


@pytest.mark.parametrize(
    ("midi", "text"),
    [
        ('{ type = "note" }', "did you mean"),
        ("{ note = 3 }", "'note' has no effect without a type"),
        ('{ type = "note_on" }', "this type also requires 'note'"),
        ('{ type = "note_on", note = 200 }', "note must be 0 to 127, not 200"),
        ('{ type = "note_on", note = 2, channel = 0 }', "channel must be 1 to 16, not 0"),
        ('{ type = "program_change", note = 2 }', "available: channel, bank, program"),
        ('{ type = "note_on", note = "{n" }', "unclosed '{' at position 1"),
        ('{ type = "note_on", note = "{n}" }', "unknown placeholder {n}; captured by the match"),
        ('{ type = "note_on", note = "{= n + 1}" }', "unknown name 'n' at position 1"),
        ('{ type = "note_on", note = "{= sqrt()}" }', "sqrt"),
        (
            '{ type = "sysex", data = "f0 {n} f7" }',
            "unknown placeholder {n}; captured by the match",
        ),
        ('{ type = "sysex", data = "f0 01" }', "must start with f0 and end with f7"),
        ('{ type = "sysex", data = "f0 {0 f7" }', "unclosed '{' at position 4"),
        ('{ type = "sysex", data = "f0 {0} 00" }', "must start with f0 and end with f7"),
        ('{ type = "sysex", data = 240 }', "data = 240: expected text in quotes"),
        ('{ type = "note_on", note = 1, channel = 2, mpe = {} }', "remove 'channel'"),
    ],
)
def test_route_error_is_one_line_with_the_fix(midi: str, text: str) -> None:
    found = configuration_error(f"{ROUTE}midi = {midi}\n")
    assert "test.toml: route 1: midi" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("module", "fix"),
    [
        (
            'raise ImportError("libasound.so.2: cannot open shared object file")',
            "the system library libasound2 is missing: apt-get install libasound2",
        ),
        (
            'raise ModuleNotFoundError("no rtmidi")',
            "python-rtmidi is not installed: pip install oscbridge-midi[rtmidi]",
        ),
    ],
)
def test_missing_library_is_named_and_other_endpoints_run(
    tmp_path: Path, module: str, fix: str
) -> None:
    (tmp_path / "rtmidi.py").write_text(module)
    file = tmp_path / "show.toml"
    file.write_text(
        '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n'
        '[endpoint.synth]\ntype = "midi"\noutput = "Launchpad"\n'
        '[endpoint.desk]\ntype = "midi"\nlisten = "127.0.0.1:0"\n'
    )
    program = str(Path(sys.executable).with_name("oscbridge"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [program, "run", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as bridge:
        assert bridge.stdout is not None
        text, is_stopped = "", False
        for line in bridge.stdout:
            text += line
            if not is_stopped and "Ctrl-C" in text and fix in text:  # which may come later
                bridge.send_signal(signal.SIGTERM)
                is_stopped = True
    assert bridge.returncode == 0, text
    assert fix in text
    assert "midi+tcp://127.0.0.1:" in text
