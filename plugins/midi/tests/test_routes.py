"""Routes to a MIDI endpoint: fields, MPE zones, echo, defaults."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oscbridge
from oscbridge import MIDI
from oscbridge.testing import until
from oscbridge_midi.tcp import READ_SIZE


@pytest.mark.parametrize(
    ("route", "address", "args", "sent"),
    [
        (
            'match = "/1/fader{n}"\nscale = [0.0, 1.0, 0, 127]\n'
            'midi = { type = "control_change", channel = 1, control = "{n}", value = "{0}" }',
            "/1/fader7",
            (0.5,),
            "b00740",
        ),
        (
            'match = "/x"\nmidi = { type = "note_on", channel = 2, note = 60 }',
            "/x",
            (True,),
            "913c7f",
        ),
        (
            'match = "/pan{n}"\n'
            'midi = { type = "control_change", control = "{n}*4+1", value = "{0} * 63.5 + 63.5" }',
            "/pan2",
            (0.0,),
            "b00940",
        ),
        ('match = "/p"\nmidi = { type = "program_change" }', "/p", (5,), "c005"),
        (
            'match = "/f{n}"\nwhen = "x > 0"\nmidi = { type = "control_change", '
            'control = "{= n + len(address)}", value = "{= x ** 2 * 100}" }',
            "/f7",
            (0.5,),
            "b00a19",
        ),
        (
            'match = "/s"\nmidi = { type = "sysex", data = "f0 {= x // 128} {= x % 128} f7" }',
            "/s",
            (300,),
            "f0022cf7",
        ),
        (
            'match = "/e"\nsend = "/b {0} {= x * 2}"\n'
            'midi = { type = "control_change", control = "{= y if types == \'ii\' else 0}" }',
            "/e",
            (9,),
            "b01209",
        ),
        (
            'match = "/v"\nlet = { cc = "x + 10" }\nset = { page = "y" }\nmidi = { '
            'type = "control_change", control = "{= cc}", value = "{= var.page * 2}" }\n'
            "[variables]\npage = 0",
            "/v",
            (7, 4),
            "b01108",
        ),
        (
            'match = "/s"\nmidi = { type = "sysex", data = "f0 43 {0} {1} f7" }',
            "/s",
            (16, 3.4),
            "f0431003f7",
        ),
        ('match = "/s"\nmidi = { type = "nrpn", parameter = 300 }', "/s", (1,), "b06302b0622c"),
        ('match = "/go"\nmidi = { type = "start" }', "/go", (1,), "fa"),
        ('match = "/m"\nmidi = { echo = true }', "/m", (MIDI(0, 0x90, 1, 2),), "900102"),
    ],
)
async def test_route_selects_the_midi_message(
    start: Any,
    join: Any,
    route: str,
    address: str,
    args: tuple[oscbridge.Argument, ...],
    sent: str,
) -> None:
    bridge = await start(route=route)
    wire = await join(bridge)
    bridge.send(address, *args)
    assert (await wire.read(len(sent) // 2)).hex() == sent


async def test_route_to_an_mpe_zone_sets_it_up_first(start: Any, join: Any) -> None:
    bridge = await start(route="midi = { mpe = { channels = 3 } }")
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    bridge.send("/note", 1, 61, 1)
    bridge.send("/key_pressure", 1, 61, 9)
    assert (await wire.read(17)).hex(" ") == "b0 65 00 b0 64 06 b0 06 03 91 3c 01 92 3d 01 d2 09"


async def test_later_client_receives_the_zone_setup(start: Any, join: Any) -> None:
    bridge = await start(route="midi = { mpe = { channels = 3 } }")
    bridge.send("/note", 1, 60, 1)
    await until(lambda: bridge.status.sent)
    wire = await join(bridge)
    assert (await wire.read(9)).hex(" ") == "b0 65 00 b0 64 06 b0 06 03"


async def test_zones_that_share_channels_log_a_warning(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    route = "midi = { mpe = {} }"
    other = '[[route]]\nfrom = "osc"\nto = "synth"\nmidi = { mpe = { channels = 3 } }'
    await start(route=f"{route}\n{other}")
    assert "the MPE zone at channel 1 with 3 and 15 channels; their notes will" in caplog.text


CONFIGURATION_OF_ECHO = """
[endpoint.synth]
type = "midi"
{endpoint}

[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{port}"

[[route]]
from = "synth"
to   = ["synth", "out"]
{route}
"""


async def test_other_tasks_run_during_a_flood(start: Any, join: Any) -> None:
    bridge = await start(configuration=CONFIGURATION_OF_ECHO, route="midi = { echo = true }")
    wire = await join(bridge)
    turns = 0
    writing = asyncio.create_task(wire.write(b"\xf8" * 20_000))
    async with asyncio.timeout(10):
        while (before := bridge.received.qsize()) < 20_000:
            await asyncio.sleep(0)
            received = bridge.received.qsize() - before
            assert received <= READ_SIZE
            turns += received > 0
    await writing
    assert turns >= 20_000 / READ_SIZE


@pytest.mark.parametrize(("route", "sent"), [("", ""), ("midi = { echo = true }", "903c40")])
async def test_message_is_sent_back_only_with_echo(
    start: Any, join: Any, route: str, sent: str
) -> None:
    bridge = await start(route=route, configuration=CONFIGURATION_OF_ECHO)
    wire = await join(bridge)
    await wire.write(bytes.fromhex("903c40"))
    await bridge.receive()
    await bridge.stop()
    assert (await wire.rest()).hex().startswith(sent)
    assert bool(sent) == (bridge.status.sent > 0 and bool(sent))


async def test_unrouted_endpoint_uses_the_default_mapping(start: Any, join: Any) -> None:
    configuration = """
        [bridge.osc]
        listen = "udp://127.0.0.1:0"
        [endpoint.synth]
        type = "midi"
        {endpoint}
    """
    bridge = await start(configuration=configuration)
    wire = await join(bridge)
    for address in ("/mixer/1", "/note", "/control/1/7"):
        bridge.send(address, *((1, 60, 1) if address == "/note" else (3,)))
    assert (await wire.read(6)).hex() == "903c01b00703"
    assert not bridge.drops
