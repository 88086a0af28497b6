"""Configurations of midimonster, written after the documentation of its backends."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from oscbridge.cli.imported_text import imported_text, verify
from oscbridge.contract.importing import ImportedFile
from oscbridge.errors import InputError
from oscbridge.importers.midimonster import IMPORTER
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import check_configuration

BASE = """
; the desk, a surface and a wing
[backend midi]
name = Wing
[osc touch]
bind = 0.0.0.0 8000
root = /4
/fader* = f 0.0 2.0
/xy = ff 0.0 1.0 -1.0 1.0
[osc desk]
destination = 10.0.0.5 9001
/ch/1 = i 0 1023
/xy = ff 0 1 0 1
[midi wing]
read = BCF
write = BCF
[midi virtual]
[winmidi windows]
[jack studio]
name = Desk
tx = midi out
rx = midi in
cv = cv in min 0.0 max 1.0
[mqtt house]
host = mqtt://me:secret@10.0.0.9
/lamp = range 0 255
/switch = discrete !0.0 0.5 off
[artnet stage]
universe = 1
[backend artnet]
bind = 0.0.0.0
bind = 10.1.0.1 6455
net = 1
[artnet lights]
uni = 2
destination = 10.1.0.9
interface = 1
[backend sacn]
name = Desk
[sacn dimmers]
universe = 7
priority = 120
[sacn console]
universe = 8
[sacn nowhere]
priority = 100
[lua script]
[rtpmidi net]
mode = direct
[map]
"""


def imported(mappings: str) -> ImportedFile:
    file, problems = verify(IMPORTER.translate(BASE + mappings), Plugins().endpoint_types)
    assert not problems
    check_configuration(imported_text(file, "a.cfg", "midimonster"))
    return file


def routes(mapping: str) -> list[dict[str, Any]]:
    (rule,) = imported(mapping).rules
    return [dict(route) for route in rule.routes]


def test_instances_become_bridges_and_endpoints() -> None:
    file = imported("house./lamp > wing.ch0.cc1")
    found = tomllib.loads(imported_text(file, "a.cfg", "midimonster"))
    assert found["bridge"] == {"touch": {"listen": "udp://0.0.0.0:8000"}}
    assert found["endpoint"]["desk"] == {"type": "osc", "to": "udp://10.0.0.5:9001"}
    assert found["endpoint"]["wing"] == {
        "type": "midi",
        "input": "BCF",
        "output": "BCF",
        "addresses": "long",
        "on_start": "retry",
    }
    house = found["endpoint"]["house"]
    assert (house["broker"], house["username"]) == ("mqtt://10.0.0.9", "me")
    assert house["subscribe"] == [{"topic": "/lamp", "address": "/lamp", "types": "f"}]
    assert "secret" not in str(found)
    assert "the password of house is not copied" in file.notes[0]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (
            "touch./fader3 > wing.channel9.cc7",
            {
                "from": "touch",
                "match": "/4/fader3",
                "scale": [0.0, 2.0, 0, 127],
                "to": "wing",
                "midi": {"type": "control_change", "channel": 10, "control": 7, "value": "{0}"},
            },
        ),
        (
            "touch./xy:1 > wing.ch0.pitch",
            {
                "from": "touch",
                "match": "/4/xy",
                "scale": [-1.0, 1.0, 0, 16383],
                "to": "wing",
                "midi": {"type": "pitchwheel", "channel": 1, "pitch": "{1}"},
            },
        ),
        (
            "desk./ch/1 < wing.cc2.9",
            {
                "from": "wing",
                "match": "/control/3/9",
                "scale": [0, 127, 0, 1023],
                "send": "/ch/1 {0}",
                "to": "desk",
            },
        ),
        (
            "wing.ch0.pressure60 > house./lamp",
            {
                "from": "wing",
                "match": "/key_pressure/1/60",
                "scale": [0, 127, 0.0, 255.0],
                "to": "house",
                "mqtt": {"topic": "/lamp", "payload": "text"},
            },
        ),
        (
            "wing.ch0.cc1 > wing.ch1.aftertouch",
            {
                "from": "wing",
                "match": "/control/1/1",
                "to": "wing",
                "midi": {"type": "aftertouch", "channel": 2, "value": "{0}"},
            },
        ),
    ],
    ids=["osc-to-midi", "second-value", "right-to-left", "midi-to-mqtt", "same-range"],
)
def test_mapping_becomes_a_route(mapping: str, expected: dict[str, Any]) -> None:
    assert routes(mapping) == [expected]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("desk./ch/1", {"send": "/ch/1 0", "to": "desk"}),
        ("house./lamp", {"to": "house", "mqtt": {"topic": "/lamp", "constant": "0.0"}}),
    ],
)
def test_end_of_a_note_is_the_lowest_value(target: str, expected: dict[str, Any]) -> None:
    on, off = routes(f"wing.ch0.note60 > {target}")
    assert on["match"] == "/note/1/60"
    assert off == {"from": "wing", "match": "/note_off/1/60", **expected}


def test_ranges_are_expanded_and_counted_as_one_rule() -> None:
    found = routes("touch./fader{1..3} > wing.ch0.cc{83..81}")
    assert [(each["match"], each["midi"]["control"]) for each in found] == [
        ("/4/fader1", 83),
        ("/4/fader2", 82),
        ("/4/fader3", 81),
    ]
    assert len(routes("touch./fader1 > wing.ch{0..1}.cc{1..4}")) == 8


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("touch./fader1 > script.in", "backend 'lua': has no counterpart in oscbridge"),
        ("touch./fader{1..2000} > script.in{1..2000}", "backend 'lua': has no counterpart"),
        ("touch./fader1 > stage.1", "stage has no 'destination', so it only receives"),
        ("touch./fader1 > console.1", "console has no 'priority', so it only receives"),
        ("touch./fader1 > nowhere.1", "nowhere has no 'universe'"),
        ("touch./fader1 > lights.513", "'513' is not a channel from 1 to 512"),
        ("touch./fader1 > lights.1+3", "1+3: 16 bits need two channels side by side"),
        (
            "net.ch0.cc1 > wing.ch0.cc1",
            "backend 'rtpmidi': oscbridge has no RTP-MIDI; let rtpmidid",
        ),
        ("windows.ch0.cc1 > wing.ch0.cc1", "windows has no 'read'"),
        ("studio.cv > wing.ch0.cc1", "studio.cv: control voltages have no counterpart"),
        ("studio.tx.ch0.cc1 > wing.ch0.cc1", "studio.tx has no 'read'"),
        ("studio.other.ch0.cc1 > wing.ch0.cc1", "studio.other: no such port"),
        ("tuch./fader1 > wing.ch0.cc1", "unknown instance 'tuch'"),
        ("touch./fader1 > wing.ch0.cc128", "control must be 0 to 127, not 128"),
        ("touch./fader1 > wing.ch0.foo1", "'ch0.foo1' is not a channel such as ch0.cc1"),
        (
            "touch./fader1 > desk./other",
            "no format of /other in its section; add one: /other = f 0.0 1.0",
        ),
        ("touch./fader1 > desk./xy:1", "/xy is a message of 2 values"),
        ("wing.ch0.cc1 > touch./fader1", "touch has no 'destination'"),
        ("wing.ch0.cc1 > house./switch", "/switch: discrete values"),
        ("touch./fader{1..3} > wing.ch0.cc{1..2}", "3 channels cannot be mapped to 2"),
        ("touch./fader{1..2000} > wing.ch0.cc1", "more than 1000 channels"),
    ],
    ids=lambda each: each[:24],
)
def test_mapping_that_no_route_can_express_has_the_reason(mapping: str, reason: str) -> None:
    (rule,) = imported(mapping).rules
    assert not rule.routes
    assert reason in rule.reason


def tables(mappings: str) -> dict[str, Any]:
    text = imported_text(imported(mappings), "a.cfg", "midimonster")
    endpoints: dict[str, Any] = tomllib.loads(text)["endpoint"]
    return endpoints


def test_midi_instance_without_a_device_is_a_virtual_port() -> None:
    found = tables("touch./fader1 > virtual.ch0.cc1")["virtual"]
    assert (found["output"], found.get("input")) == ("virtual:virtual", None)
    found = tables("virtual.ch0.cc1 <> virtual.ch1.cc1")["virtual"]
    assert (found["output"], found["input"]) == ("virtual:virtual", "virtual:virtual")
    assert "virtual" not in tables("touch./fader1 > wing.ch0.cc1")


def test_midi_ports_of_jack_are_endpoints() -> None:
    found = tables("touch./fader1 > studio.tx.ch0.cc1\nstudio.rx.ch0.note{1..2} > desk./ch/1")
    assert (found["studio_tx"]["backend"], found["studio_tx"]["output"]) == ("jack", "virtual:tx")
    assert (found["studio_rx"]["backend"], found["studio_rx"]["input"]) == ("jack", "virtual:rx")
    (route,) = routes("touch./fader1 > studio.tx.ch0.cc1")
    assert route["to"] == "studio_tx"


def test_universes_become_endpoints_for_dmx() -> None:
    found = tables("""
        touch./fader1 > lights.12
        touch./fader1 > lights.20+21
        console.3 > dimmers.4
        stage.5 > lights.1
    """)
    assert found["lights"] == {
        "type": "artnet",
        "to": "10.1.0.9",
        "fine": {"258": [20]},
        "interface": "10.1.0.1",
        "port": 6455,
    }
    assert found["stage"] == {"type": "artnet", "receive": [257]}
    assert found["console"] == {"type": "sacn", "receive": [8]}
    dimmers = {"type": "sacn", "to": "multicast", "priority": 120, "source_name": "Desk"}
    assert found["dimmers"] == dimmers
    assert "lights" not in tables("touch./fader1 > wing.ch0.cc1")


def test_channels_of_dmx_are_shares_of_their_range() -> None:
    (route,) = routes("wing.ch0.cc1 > lights.12")
    assert route == {
        "from": "wing",
        "match": "/control/1/1",
        "scale": [0, 127, 0.0, 1.0],
        "send": "/dmx/258/12 {0}",
        "to": "lights",
    }
    (route,) = routes("console.3+4 > house./lamp")
    assert (route["from"], route["match"]) == ("console", "/dmx/8/3")
    assert route["scale"] == [0.0, 1.0, 0.0, 255.0]


def test_whole_numbers_stay_whole_where_the_ranges_are_the_same() -> None:
    wide = "[osc player]\ndestination = 10.0.0.6 7000\n/connect = i 0 1\n/on = f 0 1\n[map]\n"
    (rule, same) = imported(wide + "console.1 > player./connect\nconsole.1 > player./on").rules
    assert rule.routes[0]["scale"] == [0.0, 1.0, 0, 1]
    assert "scale" not in same.routes[0]


def test_notes_about_many_channels_are_cut() -> None:
    (rule,) = imported("touch./other{1..9} > wing.ch0.cc{1..9}").rules
    assert rule.reason.endswith("/other3 is read as a float from 0.0 to 1.0; and 6 more")


def test_osc_instance_that_learns_its_destination_answers_its_clients() -> None:
    learning = "[osc phone]\nbind = :: 8001\ndest = learn@9001\n/f = f 0 1\n[map]\n"
    file = imported(learning + "wing.ch0.cc1 <> phone./f")
    assert [len(rule.routes) for rule in file.rules] == [1, 1]
    found = tomllib.loads(imported_text(file, "a.cfg", "midimonster"))["bridge"]["phone"]
    assert found == {"listen": "udp://[::]:8001", "clients": {"reply_port": 9001}}


def test_ranges_and_lists_are_several_channels() -> None:
    found = routes("touch./fader{1,10} > wing.ch0.cc{7..8}")
    assert [(each["match"], each["midi"]["control"]) for each in found] == [
        ("/4/fader1", 7),
        ("/4/fader10", 8),
    ]
    assert [each["match"] for each in routes("touch./fader{1..2}/{a,b} > wing.ch0.cc{1..4}")] == [
        "/4/fader1/a",
        "/4/fader1/b",
        "/4/fader2/a",
        "/4/fader2/b",
    ]


def test_section_goes_on_after_an_included_file() -> None:
    file = imported("[include ./maps/more lights.map]\nconsole.3 > dimmers.4")
    assert [len(rule.routes) for rule in file.rules] == [1]
    line = BASE.count("\n") + 1
    assert f"line {line}: [include ./maps/more lights.map]: put its lines here" in file.notes[0]


def test_both_directions_are_two_rules() -> None:
    found = imported("wing.ch0.cc1 <> touch./fader1").rules
    assert [(rule.text, bool(rule.routes)) for rule in found] == [
        ("wing.ch0.cc1 > touch./fader1", False),
        ("touch./fader1 > wing.ch0.cc1", True),
    ]


def test_line_that_is_not_a_mapping_costs_only_itself() -> None:
    text = "[osc a]\nbind = 0.0.0.0 8000\n/b = f 0 1\n[midi m]\n"
    text += "[map]\na./b = c\na./b > m.ch0.cc1\n"
    wrong, right = IMPORTER.translate(text).rules
    assert (wrong.line, wrong.text, wrong.routes) == (6, "a./b = c", ())
    assert wrong.reason == "expected 'channel > channel'"
    assert len(right.routes) == 1


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("bind = 1\n", 1, "expected 'option = value' in a section"),
        ("[osc a]\nbind\n", 2, "expected 'option = value' in a section"),
        ("[osc a\n", 1, "or .map."),
        ("[osc a]\n[midi a]\n", 2, "duplicate instance 'a'"),
        ("; nothing\n", 0, "is it of midimonster"),
    ],
    ids=["no-section", "no-value", "bracket", "duplicate", "empty"],
)
def test_file_that_is_not_of_midimonster_is_an_error(text: str, line: int, error: str) -> None:
    with pytest.raises(InputError, match=error) as caught:
        IMPORTER.translate(text)
    assert caught.value.line == line
