"""``oscbridge import omm``: maps of OSC2MIDI become routes that send the same MIDI messages."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import oscbridge
from oscbridge.testing import check_configuration, read_routes
from oscbridge_midi.commands import midi
from oscbridge_midi.omm import translate
from oscbridge_midi.route_options import MidiRoute

AROUND = """
[bridge.osc]
listen = "udp://127.0.0.1:0"
[endpoint.synth]
type = "midi"
listen = "127.0.0.1:0"
"""

RULES = """
/fader/{i} f, k, x : controlchange(0, k, x*127);
/pan{i} f, cc,v    : controlchange( channel, cc*4, v*63.5 + 63.5)  # volume
/grid/{i} i, 0-3,s : note( channel, 84, velocity, s);
/high/{i} i, 200-399,s : aftertouch( 1, s );
/xy ff, x/127, y/127 : noteon( x/16, x, y )
/keys iff, n,on,v  : note( 2, n, 127*v, on )
/pb f, x           : pitchbend(9, x*16383)
/raw ii, a,b       : rawmidi(225, a, b)
/start ,           : rawmidi(250, 0, 0)
/v i, x            : rawmidi(177, 7, x)
/o i, x*2-10       : programchange(0, x)
/n i, x            : noteoff(0, 60, 0-127)
/multi/{i} i, indx,val : note( channel, -11*indx/8+108, 100, val );
/third f, p        : programchange(0, p/3);
/push f, 0.0       : noteon( 1, 24, 0 );
/push f, 1.0       : noteon( 1, 24, 127 );
/fx f, -1.0        : controlchange( 0, 20, 127 );
/fx f, 0.0         : controlchange( 0, 20, 0 );
/fx f, 1.0         : controlchange( 0, 20, 1 );
/fx f, 2.0         : controlchange( 0, 20, 2 );
/zone ff, 0.3, 5-9 : controlchange( 0, 21, 1 );
/pad/z f, 0.5      : controlchange( 0, 22, 1 );
/flag TF, a, b     : controlchange( 0, 23, 100*a );
/text sf, , val    : controlchange( 0, 24, 127*val );
/both ff, val,     : controlchange( 0, 25, 127*val );
                   : controlchange( 0, 26, 127*val );
/four ffff, a,b,c,d : controlchange( 0, 27, 127*d );
/four ffff, a,b,c,1 : controlchange( 0, 28, 1 );
button i, a        : controlchange( channel, 29, a );
/len/{i} i, len,x  : controlchange( 0, len/2, x );
/m m, message      : midimessage( message );
"""

STATE = """
/loud/{i} f, step,val : setvelocity( val*127 );
/chan i, c         : setchannel( c );
/grid/{i} i, n,s   : note( channel, n, velocity, s );
/key i, n          : noteon( channel, n, velocity );
/cc f, x           : controlchange( channel, 7, x*127 );
"""

SENT: Sequence[tuple[str, str, tuple[oscbridge.Argument, ...], str]] = [
    ("/fader/7", "f", (0.5,), "b00740"),
    ("/fader/7", "i", (1,), ""),
    ("/pan2", "f", (0.0,), "b00840"),
    ("/grid/3", "i", (1,), "905464"),
    ("/grid/3", "i", (0,), "805440"),
    ("/grid/3", "i", (9,), "905464"),
    ("/grid/4", "i", (1,), ""),
    ("/high/250", "i", (5,), "d105"),
    ("/high/400", "i", (5,), ""),
    ("/xy", "ff", (0.5, 1.0), "933f7f"),
    ("/keys", "iff", (60, 1.0, 0.5), "923c40"),
    ("/keys", "iff", (60, 0.0, 0.5), "823c40"),
    ("/pb", "f", (1.0,), "e97f7f"),
    ("/raw", "ii", (3, 4), "e10304"),
    ("/start", "", (), "fa"),
    ("/v", "i", (5,), "b10705"),
    ("/o", "i", (0,), "c005"),
    ("/n", "i", (0,), "803c00"),
    ("/multi/1", "i", (1,), "906a64"),
    ("/third", "f", (14.0,), "c004"),
    ("/third", "f", (15.0,), "c005"),
    ("/push", "f", (1.0,), "91187f"),
    ("/push", "f", (0.5,), ""),
    ("/push", "f", (0.0,), "811840"),
    ("/fx", "f", (-1.0,), "b0147f"),
    ("/fx", "f", (2.0,), "b01402"),
    ("/fx", "f", (1.5,), ""),
    ("/fx", "f", (3.0,), ""),
    ("/zone", "ff", (0.3, 9.0), "b01501"),
    ("/zone", "ff", (0.3, 9.5), ""),
    ("/zone", "ff", (0.2, 7.0), ""),
    ("/pad/z", "f", (0.5,), "b01601"),
    ("/flag", "TF", (True, False), "b01764"),
    ("/flag", "FT", (False, True), ""),
    ("/text", "sf", ("a", 1.0), "b0187f"),
    ("/both", "ff", (1.0, 0.0), "b0197fb01a7f"),
    ("/four", "ffff", (0.0, 0.0, 0.0, 1.0), "b01b7fb01c01"),
    ("/four", "ffff", (1.0, 1.0, 1.0, 0.0), "b01b00"),
    ("/button", "i", (7,), "b01d07"),
    ("/len/5", "i", (7,), "b00207"),
    ("/m", "m", (oscbridge.MIDI(0, 0x90, 1, 2),), "900102"),
]
"""Address, types, arguments, and the MIDI bytes that the rules stand for."""


def toml(imported: oscbridge.ImportedFile) -> str:
    tables = [oscbridge.toml_table("[[route]]", keys) for r in imported.rules for keys in r.routes]
    return "\n\n".join([AROUND, *tables])


def only(rule: str) -> oscbridge.ImportedRule:
    [found] = translate(rule).rules
    return found


async def test_routes_send_what_the_rules_stand_for(start: Any, join: Any) -> None:
    imported = translate(RULES, "osc")
    assert [rule.reason for rule in imported.rules if not rule.routes] == []
    escaped = toml(imported).replace("{", "{{").replace("}", "}}")
    bridge = await start(configuration=escaped)
    wire = await join(bridge)
    wrong: list[tuple[str, tuple[oscbridge.Argument, ...], str]] = []
    for address, types, args, expected in SENT:
        bridge.send(address, *args, types=types)
        bridge.send("/v", 99, types="i")  # after it, nothing more can come
        made = b""
        while not made.endswith(b"\xb1\x07\x63"):
            made += await wire.read(1)
        if made[:-3].hex() != expected:
            wrong.append((address, args, made[:-3].hex()))
    assert wrong == []


async def test_functions_that_set_a_word_change_later_messages(start: Any, join: Any) -> None:
    imported = translate(STATE, "osc", channel=2)
    assert [rule.reason for rule in imported.rules if not rule.routes] == []
    variables = oscbridge.toml_table("[variables]", imported.tables["variables"])
    escaped = (variables + toml(imported)).replace("{", "{{").replace("}", "}}")
    wire = await join(bridge := await start(configuration=escaped))
    bridge.send("/grid/60", 1)
    assert (await wire.read(3)).hex() == "913c64"
    bridge.send("/loud/3", 0.5)
    bridge.send("/chan", 4)
    bridge.send("/grid/61", 1)
    bridge.send("/grid/61", 0)
    bridge.send("/key", 62)
    bridge.send("/chan", 99)
    bridge.send("/cc", 1.0)
    assert (await wire.read(12)).hex() == "943d3f" + "843d40" + "943e3f" + "bf077f"


def test_rules_for_values_on_a_line_are_joined() -> None:
    rules = [rule for rule in translate(RULES).rules if rule.text.startswith("/fx")]
    assert [rule.count for rule in rules] == [1, 3]
    assert [rule.line for rule in rules] == [18, 19]


@pytest.mark.parametrize("left", ["/g/{i} i, 14-16,s", "/g/{14-16} i, s"])
def test_range_in_a_path_is_listed(left: str) -> None:
    [keys] = only(f"{left} : aftertouch(0, s)").routes
    assert keys["match"] == "/g/{14,15,16}"


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("/a i, x : setshift(x)", "setshift transposes notes"),
        ("/a i, x : setoctave(x)", "unknown function 'setoctave'"),
        ("/a T, 3 : programchange(0, 1)", "'3' never matches the type T"),
        ("/a s, x : programchange(0, x)", "unknown variable 'x': not a number on the left side"),
        ("/a i, x : programchange(0, y)", "unknown variable 'y'"),
        ("/a i, x : programchange(0, x*x)", "not arithmetic with one variable"),
        ("/a i, +x : programchange(0, x)", "'+x' is not arithmetic with one variable"),
        ("/a i, x : programchange(0, x/0)", "divides by 0"),
        ("/a i, x : programchange(0)", "takes 2 arguments"),
        ("/a i, x : programchange(0, 127*)", "not arithmetic with one variable"),
        ("/a i, x : programchange(0, *x)", "not arithmetic with one variable"),
        ("/a i, x : programchange(0, x*999999999*9)", "too large a number"),
        ("/a* i, x : programchange(0, x)", "is not a plain address"),
        ("/a i, x : programchange(0, x)" + " " * 1_000 + ";", "longer than 1000"),
        ("bogus", "expected: path types, names : function(arguments);"),
        ("/1 : noteon( 0, 60, 127 );", "expected 'path types, names' on the left side"),
        ("/1, : noteon( 0, 60, 127 );", "expected 'path types, names' on the left side"),
        ("/g/{0-999} i, s : aftertouch(0, s)", "at most 128 numbers"),
        ("/a i, x : rawmidi(x, 0, 0)", "requires a constant status byte"),
        ("/a i, x : midimessage(x)", "requires an argument of type m"),
        ("/a x, x : programchange(0, 1)", "unknown type 'x'"),
    ],
)
def test_untranslatable_rule_has_a_reason(rule: str, reason: str) -> None:
    found = only(rule)
    assert not found.routes
    assert reason in found.reason


def run(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("oscbridge")
    return subprocess.run(
        [program, "import", "omm", file, *options],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip


def test_import_prints_the_routes_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.omm"
    file.write_text("/fader f, x : controlchange(channel, 7, x*127); # volume\n# end\n")
    printed = run(file, "--from", "osc", "--to", "piano", "--channel", "3", "--output", "Piano")
    [route] = read_routes(printed.stdout)
    assert (route.match, route.sources, route.to) == ("/fader", ("osc",), ("piano",))
    options = route.options["piano"]
    assert isinstance(options, MidiRoute)
    assert options.channel == 3
    assert 'output = "Piano"' in printed.stdout
    assert printed.stderr == "1 of 1 rules translated\n"


def test_rule_with_a_number_out_of_range_becomes_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "a.omm"
    file.write_text("/a i, x : programchange(20, x)\n/b i, x : programchange(0, x)\n")
    printed = run(file)
    assert "channel must be 1 to 16, not 21" in printed.stdout
    assert len(read_routes(printed.stdout)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_import_prints_a_valid_configuration_for_any_map(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    pieces = ["/a", "/b{i}", "{0-3}", " f,", " if,", ", ", "x", "y", "0.0", "1", "0-3", "*", "-"]
    pieces += ["/", " : ", "noteon(", "note(", "controlchange(", "0, ", "x, ", ");", "\n", "\n"]
    pieces += ["\x00", "\x1b[31m", "\x7f", "\u2028", '"', "\\", "999999999", "[", "channel", "+"]
    lines = ["".join(rng.choices(pieces, k=rng.randrange(20))) for _ in range(200)]
    terms = ["x", "y", "n", "0", "1.5", "0-3", "x*2", "2-y", "n/3", "-x-1", "", "velocity"]
    for _ in range(300):
        left = ",".join(rng.choices(terms, k=3))
        function = rng.choice(["note", "noteon", "controlchange", "rawmidi", "pitchbend"])
        right = ",".join(rng.choices(terms, k=rng.choice([2, 3, 3, 3, 4])))
        lines.append(f"/{rng.choice('ab')}/{{i}} {rng.choice(['if', 'fT', 'sf'])}, {left} : "
                     f"{function}({right})")  # fmt: skip
    file = tmp_path / "a.omm"
    file.write_text("\n".join(lines))
    printed = run(file).stdout
    check_configuration(printed)
    assert len(read_routes(printed)) > 20
    assert all(each.isprintable() for each in printed.splitlines())


def test_import_accepts_any_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.omm"
    file.write_text("".join(map(chr, range(1, 256))))
    assert not read_routes(run(file).stdout)


def test_old_command_names_the_new_one() -> None:
    result = CliRunner().invoke(midi, ["import", "a b.omm", "--channel", "3"])
    assert result.exit_code == 2
    assert "moved: run oscbridge import omm 'a b.omm' --channel 3" in result.output


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n"], ids=["empty", "blank", "words"])
def test_map_without_rules_is_an_error(text: str) -> None:
    with pytest.raises(oscbridge.InputError, match="no rules"):
        translate(text)
