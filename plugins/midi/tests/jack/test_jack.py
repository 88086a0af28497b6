"""Real ports of JACK clients.

Each test has its own JACK server. JACK buffers about 200 messages, and mido does not pass on
active sensing.
"""

from __future__ import annotations

import signal
import socket
import time
from typing import Any

import pytest
from ports import free_port

import oscbridge

NOTES: list[tuple[str, tuple[oscbridge.Argument, ...], str]] = [
    ("/note", (1, 69, 100), "90 45 64"),
    ("/note_off", (16, 127, 5), "8F 7F 05"),
    ("/key_pressure", (2, 60, 127), "A1 3C 7F"),
    ("/control", (3, 7, 64), "B2 07 40"),
    ("/program", (10, 127), "C9 7F"),
    ("/channel_pressure", (1, 5), "D0 05"),
    ("/pitch", (2, 16383), "E1 7F 7F"),
    ("/sysex", (bytes.fromhex("f07e7f0601f7"),), "F0 7E 7F 06 01 F7"),
    ("/mtc", (7, 15), "F1 7F"),
    ("/song_position", (16383,), "F2 7F 7F"),
    ("/song_select", (5,), "F3 05"),
    ("/tune_request", (), "F6"),
    ("/clock", (), "F8"),
    ("/start", (), "FA"),
    ("/continue", (), "FB"),
    ("/stop", (), "FC"),
    ("/reset", (), "FF"),
]


pytestmark = pytest.mark.load  # XRuns lose messages when the processor is busy


def test_every_kind_passes_jack_in_both_directions(jack: Any, stage: Any) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"\ninput = "gear writes"')
    for address, args, wire in NOTES:
        bridge.send(address, *args)
        assert peer.line("") == wire
        peer.write(wire)
        assert bridge.receive() == oscbridge.Message.of(address, *args)
    bridge.send("/nrpn", 1, 300, 16383)
    assert [peer.line("") for _ in range(4)] == ["B0 63 02", "B0 62 2C", "B0 06 7F", "B0 26 7F"]


def test_burst_within_jacks_buffer_arrives_complete_and_in_order(jack: Any, stage: Any) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"')
    for index in range(200):
        bridge.send("/control", 1 + index // 128, index % 128, index % 100)
    expected = [f"B{index // 128:X} {index % 128:02X} {index % 100:02X}" for index in range(200)]
    assert [peer.line("") for _ in range(200)] == expected


def test_virtual_ports_can_be_connected(jack: Any, stage: Any) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "virtual:to gear"\ninput = "virtual:from gear"')
    jack.run("jack_connect", jack.wait_for_port(":to gear"), jack.wait_for_port("gear reads:in"))
    jack.run("jack_connect", jack.wait_for_port("gear writes:out"), jack.wait_for_port("from gear"))
    bridge.send("/note", 1, 60, 1)
    assert peer.line("") == "90 3C 01"
    peer.write("90 3d 02")
    assert bridge.receive() == oscbridge.Message.of("/note", 1, 61, 2)


def test_missing_port_is_waited_for(jack: Any, stage: Any) -> None:
    bridge = stage('output = "gear reads"')
    bridge.program.said("no output port with 'gear reads' in its name")
    peer = jack.peer("gear")
    bridge.program.said("connected again: output 'gear reads:in'")
    bridge.send("/note", 1, 60, 1)
    assert peer.line("") == "90 3C 01"


def test_ambiguous_part_of_a_name_lists_the_candidates(jack: Any, stage: Any) -> None:
    jack.peer("gear")
    jack.peer("other gear")
    bridge = stage('output = "gear"')
    line = bridge.program.said("'gear' matches several output ports: ")
    assert "'gear reads:in'" in line
    assert "'other gear reads:in'" in line


def test_restarted_gear_is_reconnected(jack: Any, stage: Any) -> None:
    first = jack.peer("gear")
    bridge = stage('output = "gear reads"')
    bridge.send("/note", 1, 60, 1)
    assert first.line("") == "90 3C 01"
    first.signal(signal.SIGKILL)
    bridge.program.said("the output port 'gear reads:in' has disappeared")
    second = jack.peer("gear")
    deadline = time.monotonic() + 20
    while not any(line == "B0 07 03" for line in second.all):  # a continuous stream
        bridge.send("/control", 1, 7, 3)
        assert time.monotonic() < deadline, bridge.program.all
        time.sleep(0.02)
    assert "80 3C 40" in second.all  # the sounding note was ended


def test_jack_server_that_ends_is_detected_and_reconnected(jack: Any, stage: Any) -> None:
    first = jack.peer("gear")
    bridge = stage('output = "gear reads"\ninput = "gear writes"')
    bridge.send("/note", 1, 60, 1)
    assert first.line("") == "90 3C 01"
    jack.signal(signal.SIGKILL)
    first.signal(signal.SIGKILL)  # it cannot run without the server
    bridge.program.said("endpoint.synth: not connected: the JACK server has ended")
    jack.serve_again()
    peer = jack.peer("gear")
    bridge.program.said("connected again: output 'gear reads:in', input 'gear writes:out'", wait=20)
    bridge.send("/control", 1, 7, 3)
    assert [peer.line("") for _ in range(3)] == ["80 3C 40", "B0 7B 00", "B0 07 03"]


def test_hanging_jack_server_blocks_nothing_else(jack: Any, stage: Any) -> None:
    jack.peer("gear")
    aside = free_port()
    bridge = stage('output = "gear reads"\n' + ASIDE.format(port=aside))

    def check_other_route() -> None:
        message = oscbridge.Message.of("/aside", 5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(oscbridge.encode_message(message), ("127.0.0.1", aside))
        assert bridge.receive() == message

    jack.signal(signal.SIGSTOP)
    for index in range(4_000):  # rtmidi buffers about 2,000, and then blocks forever
        bridge.send("/control", 1, index % 64, index % 128)
        if index % 100 == 0:
            check_other_route()
    bridge.program.said("not connected: the MIDI system does not respond")
    check_other_route()
    bridge.program.signal(signal.SIGTERM)
    assert bridge.program.wait() == 0


ASIDE = """
[bridge.aside]
listen = "udp://127.0.0.1:{port}"

[[route]]
from  = "aside"
to    = "out"
"""


def test_notes_are_ended_when_the_bridge_is_killed(jack: Any, stage: Any) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"\nnote_off = "velocity_0"')
    bridge.send("/note", 1, 60, 1)
    assert peer.line("") == "90 3C 01"
    bridge.program.signal(signal.SIGKILL)
    assert [peer.line("") for _ in range(2)] == ["90 3C 00", "B0 7B 00"]


def test_sysex_too_large_for_jack_is_rejected(jack: Any, stage: Any) -> None:
    peer = jack.peer("gear")
    bridge = stage('output = "gear reads"')
    bridge.send("/sysex", b"\xf0" + bytes(20_000) + b"\xf7")
    bridge.program.said("the sysex has 20002 bytes, more than 16000 over JACK")
    bridge.send("/clock")
    assert peer.line("") == "F8"


def test_names_of_clients_do_not_depend_on_what_starts_first(jack: Any, stage: Any) -> None:
    jack.peer("gear")
    stage(
        'output = "virtual:Stage:to gear"\ninput = "virtual:from gear"\n'
        '[endpoint.aside]\ntype = "midi"\nbackend = "jack"\noutput = "virtual:aside"\n'
        'input = "gear writes"'
    )
    for name in (
        "Stage:to gear",
        "oscbridge synth in:from gear",
        "oscbridge aside out:aside",
        "oscbridge aside in:input",
    ):
        assert jack.wait_for_port(name) == name
