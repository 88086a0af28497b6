"""What a stage needs from MIDI besides the usual: panic, buttons, ends of notes, banks."""

from __future__ import annotations

from typing import Any

import pytest

import oscbridge
from oscbridge.testing import configuration_error, until

ROUTED = 'match = "/key"\nmidi = { type = "note_on", note = "{0}", velocity = "{1}" }'


@pytest.mark.parametrize("route", ["", ROUTED, 'match = "/x"', 'match = "/panic"'])
async def test_panic_works_whatever_is_routed(start: Any, join: Any, route: str) -> None:
    bridge = await start(route=route)
    wire = await join(bridge)
    bridge.send("/panic")
    bridge.send("/panic", 0.0)  # a released button
    data = await wire.read(48 * 3)
    assert data[:3].hex() == "b04000"
    assert data[-3:].hex() == "bf7800"
    await bridge.stop()
    assert await wire.rest() == b""  # once, although two routes may lead there


@pytest.mark.parametrize(
    ("midi", "sent"),
    [
        ('type = "start"', "fa"),
        ('type = "stop"', "fc"),
        ('type = "program_change", program = 5', "c005"),
        ('type = "control_change", control = 7, value = 127', "b0077f"),
        ('type = "sysex", data = "f0 01 f7"', "f001f7"),
        ('type = "control_change", control = 7, on = "press"', "b00701"),
    ],
)
async def test_constant_route_fires_on_press_only(
    start: Any, join: Any, midi: str, sent: str
) -> None:
    bridge = await start(route=f'match = "/a"\nmidi = {{ {midi} }}\n{END}')
    wire = await join(bridge)
    for released in (0, 0.0, False):
        bridge.send("/a", released)
    bridge.send("/a", 1)
    bridge.send("/end")
    assert (await wire.read(len(sent) // 2 + 1)).hex() == f"{sent}fe"


END = '[[route]]\nfrom = "osc"\nmatch = "/end"\nto = "synth"\nmidi = { type = "active_sensing" }'


async def test_constant_route_without_an_argument_fires(start: Any, join: Any) -> None:
    bridge = await start(route='match = "/a"\nmidi = { type = "start" }')
    wire = await join(bridge)
    bridge.send("/a")
    bridge.send("/a", "go")
    assert (await wire.read(2)).hex() == "fafa"


async def test_on_any_fires_on_release_too(start: Any, join: Any) -> None:
    bridge = await start(route='match = "/a"\nmidi = { type = "start", on = "any" }')
    wire = await join(bridge)
    bridge.send("/a", 0.0)
    assert (await wire.read(1)).hex() == "fa"


async def test_route_with_an_argument_sends_zero(start: Any, join: Any) -> None:
    bridge = await start(route='match = "/a/{n}"\nmidi = { type = "program_change" }')
    wire = await join(bridge)
    bridge.send("/a/1", 0)
    assert (await wire.read(2)).hex() == "c000"


@pytest.mark.parametrize(
    ("releases", "found"),
    [
        ("as_received", [("/note", 1, 60, 0), ("/note_off", 1, 60, 5)]),
        ("note_off", [("/note_off", 1, 60, 64), ("/note_off", 1, 60, 5)]),
        ("velocity_0", [("/note", 1, 60, 0), ("/note", 1, 60, 0)]),
    ],
)
async def test_received_ends_of_notes_look_as_configured(
    start: Any, join: Any, releases: str, found: list[tuple[Any, ...]]
) -> None:
    bridge = await start(f'listen = "127.0.0.1:0"\nreleases = "{releases}"')
    wire = await join(bridge)
    await wire.write(bytes.fromhex("903c40 903c00 803c05"))
    received = [await bridge.receive() for _ in range(3)]
    assert [(each.address, *each.args) for each in received[1:]] == found


@pytest.mark.parametrize(
    ("route", "message", "sent"),
    [
        ("", ("/program", 1, 300, 5), "b00002b0202cc005"),
        ("", ("/program/1/300", 5), "b00002b0202cc005"),
        (
            'match = "/p"\nmidi = { type = "program_change", bank = 128 }',
            ("/p", 7),
            "b00001b02000c007",
        ),
    ],
)
async def test_bank_and_program_are_one_message(
    start: Any, join: Any, route: str, message: tuple[Any, ...], sent: str
) -> None:
    bridge = await start(route=route)
    wire = await join(bridge)
    bridge.send(*message)
    assert (await wire.read(len(sent) // 2)).hex() == sent


async def test_bank_and_program_are_received_as_one_message(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nbanks = true')
    wire = await join(bridge)
    await wire.write(bytes.fromhex("b00002 b0202c c005 c006"))
    found = [await bridge.receive() for _ in range(2)]
    assert [(each.address, each.args) for each in found] == [
        ("/program", (1, 300, 5)),
        ("/program", (1, 6)),
    ]


async def test_bank_without_a_program_is_two_controllers(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nbanks = true')
    wire = await join(bridge)
    await wire.write(bytes.fromhex("b00002 b0202c"))
    found = [await bridge.receive() for _ in range(2)]
    assert [each.args for each in found] == [(1, 0, 2), (1, 32, 44)]


async def test_short_parameters_have_seven_bits_both_ways(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nparameter_bits = 7')
    wire = await join(bridge)
    bridge.send("/nrpn", 1, 300, 100)
    assert (await wire.read(9)).hex(" ", 3) == "b06302 b0622c b00664"
    await wire.write(bytes.fromhex("b06302 b0622c b00664"))
    assert (await bridge.receive()) == oscbridge.Message.of("/nrpn", 1, 300, 100)


async def test_null_parameter_is_a_message_without_a_value(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/rpn", 1, 16383)
    assert (await wire.read(6)).hex(" ", 3) == "b0657f b0647f"
    await wire.write(bytes.fromhex("b0647f b0657f"))
    assert (await bridge.receive()) == oscbridge.Message.of("/rpn", 1, 16383)


GEAR = """
[endpoint.synth]
type = "midi"
{endpoint}

[endpoint.gear]
type = "midi"
listen = "127.0.0.1:0"

[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{port}"

[[route]]
from = "synth"
to   = "gear"
{route}

[[route]]
from = "synth"
to   = "out"
"""


@pytest.mark.parametrize(
    "stream",
    [
        "b06302 b0622c b00601 b02602",  # as usual
        "b0622c b06302 b00601 b02602",  # the lower half of the number first
        "b06302 b0622c b00601",  # without controller 38
        "b06302 b0622c b02602 b00601",  # the lower half of the value first
        "b06302 b0622c b00601 b02602 b00603 b02604",  # selected once
        "b0657f b0647f",  # null
        "b0622c b06302 b06001",  # an increment
        "b00740 b02701",  # a pair
        "b02701 b00740",  # the other way round
        "b00740",
        "b00740 b02701 b02702",
        "b00001 b02002 c003",  # a bank
    ],
)
async def test_midi_to_midi_keeps_what_it_got(start: Any, join: Any, stream: str) -> None:
    bridge = await start('listen = "127.0.0.1:0"\npairs = [7]\nbanks = true', configuration=GEAR)
    wire = await join(bridge)
    gear = await join(bridge, "gear")
    await wire.write(bytes.fromhex(stream))
    data = bytes.fromhex(stream)
    assert (await gear.read(len(data))).hex(" ", 3) == data.hex(" ", 3)


async def test_kept_value_selects_its_parameter_again_after_another(start: Any, join: Any) -> None:
    bridge = await start(configuration=GEAR, route=OTHER)
    wire = await join(bridge)
    gear = await join(bridge, "gear")
    await wire.write(bytes.fromhex("b06302 b0622c b00601 b02602"))
    assert (await gear.read(12)).hex(" ", 3) == "b06302 b0622c b00601 b02602"
    bridge.send("/nrpn", 1, 5, 6)
    assert (await gear.read(12)).hex(" ", 3) == "b06300 b06205 b00600 b02606"
    await wire.write(bytes.fromhex("b00603 b02604"))
    assert (await gear.read(12)).hex(" ", 3) == "b06302 b0622c b00603 b02604"


OTHER = '[[route]]\nfrom = "osc"\nto = "gear"'


async def test_allow_keeps_other_addresses_away(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nallow = ["10.0.0.0/8"]')
    wire = await join(bridge, waits=False)
    assert await wire.read_all() == b""
    await until(lambda: not bridge.endpoint.client_count)


def test_check_finds_a_route_to_an_endpoint_without_output() -> None:
    found = configuration_error(
        '[bridge.osc]\n[endpoint.keys]\ntype = "midi"\ninput = "x"\n'
        '[[route]]\nfrom = "osc"\nto = "keys"\n'
    )
    assert "route 1: to = 'keys': this endpoint has no output; add output" in found
