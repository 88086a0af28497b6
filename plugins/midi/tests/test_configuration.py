"""What is wrong in a configuration, and what is missing on a machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import oscbridge
from oscbridge.bridge.config.config import parse
from oscbridge.plugins import Plugins

ROUTE = """
[bridge.osc]
[endpoint.synth]
type = "midi"
output = "x"
[[route]]
from = "osc"
to = "synth"
"""


def fault(text: str) -> str:
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        parse(text, Plugins().endpoint_types, "show.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("", 'output = None: name a port, as output = "Launchpad"; oscbridge midi ports lists'),
        ('output = "x"\nlisten = "127.0.0.1:1"', "'listen' is both ways: leave out"),
        ('output = "midi+tcp://here"', "write it as midi+tcp://host:port"),
        ('output = "virtual:"', "a port needs a name"),
        ('output = "x"\nbackend = "alas"', "did you mean 'alsa'?"),
        ('output = "x"\npairs = [32]', "must be at most 31"),
        ('output = "x"\nlevel = 3', "unknown key"),
        ('output = "midi+udp://127.0.0.1:1"', "write it as midi+tcp://host:port"),
        ('listen = "x"', "write it as host:port"),  # and nothing about the output
    ],
)
def test_a_fault_of_an_endpoint_is_one_line_with_the_mend(lines: str, text: str) -> None:
    found = fault(f'[endpoint.synth]\ntype = "midi"\n{lines}\n')
    assert "show.toml: endpoint.synth" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("midi", "text"),
    [
        ('{ type = "note" }', "did you mean"),
        ("{ note = 3 }", "'note' says nothing without a type"),
        ('{ type = "note_on" }', "this type needs 'note' too"),
        ('{ type = "note_on", note = 200 }', "note 200 is not within 0 to 127"),
        ('{ type = "note_on", note = 2, channel = 0 }', "channel 0 is not within 1 to 16"),
        ('{ type = "program_change", note = 2 }', "its fields: channel, program"),
        ('{ type = "note_on", note = "{n" }', 'write a number, "{n}", "{0}"'),
        (
            '{ type = "note_on", note = "{n}" }',
            "unknown placeholder {n}; captured by the match",
        ),
        (
            '{ type = "sysex", data = "f0 {n} f7" }',
            "unknown placeholder {n}; captured by the match",
        ),
        ('{ type = "sysex", data = "f0 01" }', "starts with f0 and ends with f7"),
        ('{ type = "sysex", data = "f0 {0 f7" }', "a brace stands around"),
        ('{ type = "sysex", data = "f0 {0} 00" }', "starts with f0 and ends with f7"),
        ('{ type = "sysex", data = 240 }', "data = 240: expected text in quotes"),
        ('{ type = "note_on", note = 1, channel = 2, mpe = {} }', "leave out 'channel'"),
    ],
)
def test_a_fault_of_a_route_is_one_line_with_the_mend(midi: str, text: str) -> None:
    found = fault(f"{ROUTE}midi = {midi}\n")
    assert "show.toml: route 1: midi" in found
    assert text in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("module", "mend"),
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
def test_what_is_missing_is_named_and_the_other_endpoints_run(
    tmp_path: Path, module: str, mend: str
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
        lines = []
        for line in bridge.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                bridge.send_signal(signal.SIGTERM)
    text = "".join(lines)
    assert bridge.returncode == 0, text
    assert mend in text
    assert "midi+tcp://127.0.0.1:" in text
