"""``oscbridge midi`` prints valid configurations."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import oscbridge
from oscbridge.testing import read_routes
from oscbridge_midi.codec import DEFAULT_OPTIONS
from oscbridge_midi.commands import midi
from oscbridge_midi.learn import learn, routes
from oscbridge_midi.omm import OmmDefaults, translate
from oscbridge_midi.route_options import MidiRoute

AROUND = """
[bridge.stage]
[endpoint.synth]
type = "midi"
output = "x"
addresses = "long"
[endpoint.panel]
type = "osc"
to = "udp://127.0.0.1:9"
"""


def read(text: str) -> Any:
    """The routes of a configuration with these."""
    return read_routes(AROUND + text)


def sent(rule: str, captures: dict[str, str], *args: oscbridge.Argument) -> list[str]:
    """The messages that the route for a rule sends."""
    [text] = translate(rule, "stage", "synth", OmmDefaults())
    [route] = read(text)
    options = route.options["synth"]
    assert isinstance(options, MidiRoute)
    parts = options.encoder.encode(oscbridge.Message.of("/x", *args), captures, DEFAULT_OPTIONS)
    return [part.hex() for part in parts]


@pytest.mark.parametrize(
    ("rule", "captures", "args", "wire"),
    [
        ("/fader/{i} f, k, x : controlchange(0, k, x*127);", {"k": "7"}, (0.5,), "b00740"),
        ("/p{i} f, c,v : controlchange( channel, c*4, v*63.5 + 63.5)", {"c": "2"}, (0,), "b00840"),
        ("/grid/{i} i, 0-3,s : note( channel, 84, velocity, s);", {}, (1,), "905464"),
        ("/grid/{i} i, 0-3,s : note( channel, 84, velocity, s);", {}, (0,), "805440"),
        ("/xy ff, x/127, y/127 : noteon( x/16, x, y )", {}, (0.5, 1.0), "94407f"),
        ("/pb f, x : pitchbend(9, x*16383)", {}, (1.0,), "e97f7f"),
        ("/start , : rawmidi(250, 0, 0)", {}, (), "fa"),
        ("/v i, x : rawmidi(177, 7, x) # channel 2", {}, (5,), "b10705"),
        ("/o i, x*2-10 : programchange(0, x)", {}, (0,), "c005"),
        ("/n i, x : noteoff(0, 60, 0-127)", {}, (0,), "803c00"),
    ],
)
def test_osc2midi_rule_becomes_a_route(
    rule: str, captures: dict[str, str], args: tuple[oscbridge.Argument, ...], wire: str
) -> None:
    assert sent(rule, captures, *args) == [wire]


def test_rule_without_a_left_side_uses_the_previous_one() -> None:
    text = "/xy ff, x, y : controlchange(0, 1, x*127)\n  : controlchange(0, 2, y*127)"
    first, second = translate(text, "stage", "synth", OmmDefaults())
    assert first.replace("control = 1", "control = 2").replace("{0}", "{1}") == second


@pytest.mark.parametrize("left", ["/g/{i} i, 14-16,s", "/g/{14-16} i, s"])
def test_range_in_a_path_is_listed(left: str) -> None:
    [text] = translate(f"{left} : aftertouch(0, s)", "stage", "synth", OmmDefaults())
    [route] = read(text)
    assert route.match == "/g/{14,15,16}"


@pytest.mark.parametrize(
    ("rules", "args", "wire"),
    [
        (["/p f, 0.0 : noteon(0, 24, 0)", "/p f, 1.0 : noteon(0, 24, 127)"], (1.0,), "90187f"),
        (["/p f, 0.0 : noteon(0, 24, 0)", "/p f, 1.0 : noteon(0, 24, 127)"], (0.0,), "801840"),
        (
            ["/t f, 0 : controlchange(0, 1, 127)", "/t f, 1 : controlchange(0, 1, 0)"],
            (1,),
            "b00100",
        ),
        (["/s i, -1 : programchange(0, 0)", "/s i, 0 : programchange(0, 1)"], (0,), "c001"),
    ],
)
def test_rules_for_single_values_are_joined(
    rules: list[str], args: tuple[oscbridge.Argument, ...], wire: str
) -> None:
    assert sent("\n".join(rules), {}, *args) == [wire]


def test_rules_for_single_values_not_on_a_line_become_comments() -> None:
    rules = [f"/s f, {x}.0 : controlchange(0, 32, {y})" for x, y in ((0, 0), (1, 1), (2, 127))]
    texts = list(translate("\n".join(rules), "stage", "synth", OmmDefaults()))
    assert len(texts) == 3
    assert all("a route cannot match values" in text for text in texts)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("/a i, x : setvelocity(x)", "unknown function 'setvelocity'"),
        ("/a i, 3 : programchange(0, 1)", "a route cannot match values"),
        ("/a s, x : programchange(0, x)", "only numbers are supported"),
        ("/a i, x : programchange(0, y)", "unknown variable 'y'"),
        ("/a i, x : programchange(0, x*x)", "not arithmetic with one variable"),
        ("/a i, x : programchange(0, x/0)", "divides by 0"),
        ("/a i, x : programchange(0)", "takes 2 arguments"),
        ("/a i, x : programchange(0, 127*)", "not arithmetic with one variable"),
        ("/a i, x : programchange(0, *x)", "not arithmetic with one variable"),
        ("/a i, x : programchange(20, x)", "channel must be 1 to 16, not 21"),
        ("/a i, x : programchange(0, x*999999999*9)", "too large a number"),
        ("/a/{i}/{i} i, x,x,v : controlchange(0, x, v)", "duplicate 'x' in the path"),
        ("button i, x : programchange(0, x)", "is not a plain address"),
        ("/a* i, x : programchange(0, x)", "is not a plain address"),
        ("/a i, x : programchange(0, x)" + " " * 1_000 + ";", "longer than 1000 characters"),
        ("bogus", "expected: path types, names : function(arguments);"),
        ("/g/{i} i, 0-999,s : aftertouch(0, s)", "at most 128 numbers"),
    ],
)
def test_untranslatable_rule_becomes_a_comment(rule: str, reason: str) -> None:
    [text] = translate(rule, "stage", "synth", OmmDefaults())
    assert all(line.startswith("# ") for line in text.splitlines())
    assert reason in text


def test_import_prints_the_routes_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.omm"
    file.write_text("/fader f, x : controlchange(channel, 7, x*127); # volume\n# end\n")
    result = CliRunner().invoke(midi, ["import", str(file), "--channel", "3"])
    assert result.exit_code == 0
    [route] = read(result.output)
    assert route.match == "/fader"
    assert route.options["synth"].channel == 3


@pytest.mark.parametrize("seed", range(20))
def test_import_prints_a_valid_configuration_for_any_map(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    pieces = ["/a", "/b{i}", "{0-3}", " f", " if", ", ", "x", "y", "0.0", "1", "0-3", "*", "-", "+"]
    pieces += ["/", " : ", "noteon(", "note(", "controlchange(", "0, ", "x, ", ");", "\n", "\n"]
    pieces += ["\x00", "\x1b[31m", "\x7f", "\u2028", '"', "\\", "999999999", "[", "channel"]
    lines = ["".join(rng.choices(pieces, k=rng.randrange(20))) for _ in range(200)]
    file = tmp_path / "a.omm"
    file.write_text("\n".join(lines))
    result = CliRunner().invoke(midi, ["import", str(file)])
    assert result.exit_code == 0
    read(result.output)
    assert all(each.isprintable() for each in result.output.splitlines())


def test_import_accepts_any_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.omm"
    file.write_bytes(bytes(range(256)))
    result = CliRunner().invoke(midi, ["import", str(file)])
    assert result.exit_code == 0
    read(result.output)


@pytest.mark.parametrize(
    ("moved", "match", "options"),
    [
        ("b00701 b00702", "/control/1/7", {"type": "control_change", "control": 7}),
        ("b00701 b02705 b00702 b02706", "/control14/1/7", {"type": "control14", "control": 7}),
        ("b06302 b0622c b00601 b02601", "/nrpn/1/300", {"type": "nrpn", "parameter": 300}),
        ("913c40 f8 813c40", "/note/2/60", {"type": "note_on", "note": 60, "channel": 2}),
        ("e00040", "/pitch/1", {"type": "pitchwheel"}),
    ],
)
def test_moved_control_is_recognised(moved: str, match: str, options: Any) -> None:
    control = learn([bytes.fromhex(word) for word in moved.split()])
    assert control is not None
    there, back = routes(control, "stage", "synth", "panel")
    [route] = read(there)
    assert route.match == match
    assert {key: getattr(route.options["synth"], key) for key in options} == options
    assert read(back)[0].sources == ("synth",)


def test_clock_is_not_a_control() -> None:
    assert learn([b"\xf8", b"\xfe"]) is None
