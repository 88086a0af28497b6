"""A bridge with a MIDI endpoint over TCP, byte for byte."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mido  # type: ignore[import-untyped]
import mido.sockets  # type: ignore[import-untyped]
import pytest
from ports import free_port

import oscbridge
from oscbridge import MIDI
from oscbridge_midi.message_table import TABLE
from oscbridge_midi.tcp import READ_SIZE

Eventually = Callable[[Callable[[], object]], Awaitable[None]]

MESSAGES: list[tuple[str, tuple[oscbridge.Argument, ...], str]] = [
    ("/note", (1, 69, 100), "904564"),
    ("/note_off", (16, 127, 5), "8f7f05"),
    ("/key_pressure", (2, 60, 127), "a13c7f"),
    ("/control", (3, 8, 64), "b20840"),
    ("/program", (10, 127), "c97f"),
    ("/channel_pressure", (1, 5), "d005"),
    ("/pitch", (2, 16383), "e17f7f"),
    ("/nrpn", (1, 300, 16383), "b06302b0622cb0067fb0267f"),
    ("/rpn", (16, 0, 256), "bf6500bf6400bf0602bf2600"),
    ("/control14", (1, 7, 8193), "b00740b02701"),
    ("/sysex", (bytes.fromhex("f07e7f0601f7"),), "f07e7f0601f7"),
    ("/mtc", (7, 15), "f17f"),
    ("/song_position", (16383,), "f27f7f"),
    ("/song_select", (5,), "f305"),
    ("/tune_request", (), "f6"),
    ("/clock", (), "f8"),
    ("/start", (), "fa"),
    ("/continue", (), "fb"),
    ("/stop", (), "fc"),
    ("/active_sensing", (), "fe"),
    ("/reset", (), "ff"),
]
LISTEN = 'listen = "127.0.0.1:0"\npairs = [7]'


def test_every_message_kind_is_tested() -> None:
    assert {address for address, *_ in MESSAGES} == {kind.address for kind in TABLE}


async def test_every_kind_is_sent_byte_for_byte(start: Any, join: Any) -> None:
    bridge = await start(LISTEN)
    wire = await join(bridge)
    for address, args, _ in MESSAGES:
        bridge.send(address, *args)
    expected = bytes.fromhex("".join(text for *_, text in MESSAGES))
    assert (await wire.read(len(expected))).hex(" ") == expected.hex(" ")


async def test_every_kind_is_received(start: Any, join: Any) -> None:
    bridge = await start(LISTEN)
    wire = await join(bridge)
    for address, args, text in MESSAGES:
        await wire.write(bytes.fromhex(text))
        assert await bridge.receive() == oscbridge.Message.of(address, *args)


@contextmanager
def whole(port: Any) -> Iterator[Any]:
    """A port of mido, closed together with its files, which mido leaves open."""
    with port, port._rfile, port._wfile:
        yield port


async def test_mido_port_sends_and_receives(start: Any) -> None:
    with mido.sockets.PortServer("127.0.0.1", free := free_port()) as server:
        where = f'"midi+tcp://127.0.0.1:{free}"'
        bridge = await start(f"input = {where}\noutput = {where}")
        port = await asyncio.to_thread(server.accept)
        with whole(port):
            sent = mido.Message("note_on", channel=3, note=60, velocity=1)
            port.send(sent)
            assert await bridge.receive() == oscbridge.Message.of("/note", 4, 60, 1)
            bridge.send("/sysex", "f0 01 02 f7")
            assert await asyncio.to_thread(port.receive) == mido.Message("sysex", data=(1, 2))


async def test_mido_client_sends_and_receives(start: Any, eventually: Eventually) -> None:
    bridge = await start()
    with whole(await asyncio.to_thread(mido.sockets.connect, "127.0.0.1", bridge.port)) as port:
        await eventually(lambda: bridge.endpoint.clients == 1)
        port.send(mido.Message("pitchwheel", pitch=8191))
        assert await bridge.receive() == oscbridge.Message.of("/pitch", 1, 16383)
        bridge.send("/control", 1, 7, 3)
        heard = await asyncio.to_thread(port.receive)
        assert heard == mido.Message("control_change", control=7, value=3)


async def test_lost_connection_is_reestablished(start: Any) -> None:
    port = free_port()
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda reader, writer: accepted.put_nowait((reader, writer)), "127.0.0.1", port
    )
    bridge = await start(f'output = "midi+tcp://127.0.0.1:{port}"')
    reader, writer = await accepted.get()
    bridge.send("/note", 1, 60, 1)
    assert (await reader.readexactly(3)).hex() == "903c01"
    writer.close()
    reader, writer = await accepted.get()
    # The sounding note is ended first, because its Note Off may have been lost.
    assert (await reader.readexactly(6)).hex() == "803c40b07b00"
    bridge.send("/control", 1, 7, 3)
    assert (await reader.readexactly(3)).hex() == "b00703"
    writer.close()
    server.close()
    await server.wait_closed()


# --- errors -----------------------------------------------------------------------------------


async def test_bad_messages_are_counted_and_others_are_sent(
    start: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start()
    wire = await join(bridge)
    with caplog.at_level(logging.INFO):
        bridge.send("/note", 17, 60, 1)
        bridge.send("/note", 1, 200, 1)
        bridge.send("/note", 1, "c4", 1)
        bridge.send("/control", 1, 7, float("nan"))
        bridge.send("/sysex", "f0 01 02")
        bridge.send("/nothing", 1)
        bridge.send("/note", 1, 60, 1)
        assert (await wire.read(3)).hex() == "903c01"
    assert bridge.drops == {"bad": 6}
    assert "/note 17 60 1: channel must be 1 to 16, not 17" in caplog.text


async def test_bad_bytes_are_counted_and_others_are_received(
    start: Any, join: Any, eventually: Eventually
) -> None:
    bridge = await start()
    wire = await join(bridge)
    await wire.write(bytes.fromhex("01 f0 01 02 90 3c f4 90 3d 40"))
    assert await bridge.receive() == oscbridge.Message.of("/note", 1, 61, 64)
    assert bridge.bad == {"stray": 1, "truncated": 2, "status": 1}
    await wire.write(bytes.fromhex("903c"))
    wire.sock.close()
    await eventually(lambda: bridge.bad["truncated"] == 3)


@pytest.mark.parametrize("value", [None, [], oscbridge.IMPULSE, float("nan"), 128, -1])
async def test_value_that_is_not_a_sysex_byte_is_rejected(
    start: Any, join: Any, value: Any
) -> None:
    route = 'match = "/s"\nmidi = { type = "sysex", data = "f0 {0} f7" }'
    bridge = await start(route=route)
    wire = await join(bridge)
    bridge.send("/s", value)
    bridge.send("/s", True)
    assert (await wire.read(3)).hex() == "f07ff7"
    assert bridge.drops == {"bad": 1}


async def test_other_tasks_run_during_a_flood(start: Any, join: Any) -> None:
    bridge = await start(configuration=CONFIGURATION_OF_ECHO, route="midi = { echo = true }")
    wire = await join(bridge)
    heard = turns = 0

    def hear(_address: str) -> None:
        nonlocal heard
        heard += 1

    bridge.app.endpoints["synth"].dispatcher.map("/clock", hear)
    writing = asyncio.create_task(wire.write(b"\xf8" * 20_000))
    async with asyncio.timeout(10):
        while heard < 20_000:
            before = heard
            await asyncio.sleep(0)
            assert heard - before <= READ_SIZE
            turns += heard > before
    await writing
    assert turns >= 20_000 / READ_SIZE


async def test_value_out_of_range_is_rejected_if_configured(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nout_of_range = "refuse"')
    wire = await join(bridge)
    bridge.send("/control", 1, 7, 200)
    bridge.send("/control", 1, 7, 3)
    assert (await wire.read(3)).hex() == "b00703"
    assert bridge.drops == {"bad": 1}


async def test_endpoint_without_an_output_rejects_messages(start: Any) -> None:
    port = free_port()
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(
        lambda _reader, writer: writers.append(writer), "127.0.0.1", port
    )
    bridge = await start(f'input = "midi+tcp://127.0.0.1:{port}"')
    with pytest.raises(oscbridge.BadMessage, match=r"add output = ... to \[endpoint.synth\]"):
        route = oscbridge.Routed(None, {})
        await bridge.endpoint.send_batch([oscbridge.Message("/clock", "", (), None, None, route)])
    await bridge.app.stop()
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    server.close()


# --- ending notes -----------------------------------------------------------------------------


async def test_notes_are_ended_when_the_bridge_stops(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    bridge.send("/control", 1, 64, 127)
    await wire.read(6)
    await bridge.app.stop()
    assert (await wire.rest()).hex() == "803c40b04000b07b00"


@pytest.mark.parametrize(
    ("route", "begin", "end"),
    [
        ("", ("/note", 1, 60, 1), ("/note", 1, 60, 0)),
        ("", ("/note", 1, 60, 1), ("/note_off", 1, 60, 64)),
        (
            'match = "/key"\nmidi = { type = "note_on", note = "{0}", velocity = "{1}" }',
            ("/key", 60, 1),
            ("/key", 60, 0),
        ),
    ],
)
async def test_note_is_ended_although_the_send_queue_was_full(
    start: Any, join: Any, eventually: Eventually,
    route: str, begin: tuple[Any, ...], end: tuple[Any, ...],
) -> None:  # fmt: skip
    bridge = await start('listen = "127.0.0.1:0"\nqueue = 10', route)
    wire = await join(bridge)
    bridge.send(*begin)
    assert (await wire.read(3)).hex() == "903c01"
    bridge.send(*end)
    for _ in range(100):  # all of these before the endpoint can send
        bridge.send(*(begin if route else ("/control", 1, 7, 1)))
    assert (await wire.read(3)).hex() == "803c40"
    await eventually(lambda: bridge.drops["full"])


async def test_pedal_is_lifted_although_the_send_queue_was_full(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\noutbox = 10')
    wire = await join(bridge)
    for value in (127, 0):
        bridge.send("/control", 1, 64, value)
    for _ in range(100):
        bridge.send("/control", 1, 7, 1)
    assert (await wire.read(3)).hex() == "b04000"


async def test_note_off_queued_for_the_cable_is_sent_when_the_bridge_stops(
    start: Any, join: Any
) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    assert (await wire.read(3)).hex() == "903c01"
    for note in range(100):
        bridge.send("/note", 2, note, 1)
    bridge.send("/note", 1, 60, 0)  # after the others
    await wire.read(3)
    await bridge.app.stop()
    assert bridge.drops["stopped"]
    assert "803c40" in (await wire.rest()).hex(" ", 3).split()


async def test_messages_unsent_at_stop_are_counted_once(
    start: Any, join: Any, eventually: Eventually
) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    for number in range(2_500):  # more than the queue has room for
        bridge.send("/note", 2, number % 128, 1)
        if number % 100 == 0:
            await asyncio.sleep(0)  # the socket's receive buffer is small
    sink = bridge.app.endpoints["synth"]
    await eventually(lambda: sink.offered == 2_500)
    await bridge.app.stop()
    words = (await wire.rest()).hex(" ", 3).split()
    assert sum(word.startswith("91") for word in words) + bridge.drops["stopped"] == 2_500


async def test_notes_of_a_midi_client_are_ended_elsewhere_when_it_disconnects(
    start: Any, join: Any
) -> None:
    port = free_port()
    bridge = await start(
        'listen = "127.0.0.1:0"\n'
        f'[endpoint.gear]\ntype = "midi"\nlisten = "127.0.0.1:{port}"\nrelease = true',
        route='[[route]]\nfrom = "synth"\nto = "gear"',
    )
    wire = await join(bridge)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await wire.write(bytes.fromhex("903c40"))
    async with asyncio.timeout(10):
        assert (await reader.readexactly(3)).hex() == "903c40"
        wire.sock.close()
        assert (await reader.readexactly(6)).hex() == "803c40b07b00"
    writer.close()
    await writer.wait_closed()


async def test_reconnected_client_receives_all_notes_off(
    start: Any, join: Any, eventually: Eventually
) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    await wire.read(3)
    wire.sock.close()
    await eventually(lambda: not bridge.endpoint.clients)
    bridge.send("/note", 1, 60, 0)
    await eventually(lambda: bridge.app.endpoints["synth"].sent == 2)
    wire = await join(bridge)
    assert (await wire.read(3)).hex() == "b07b00"


async def test_panic_ends_all_sound(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/note", 5, 60, 1)
    bridge.send("/panic", 0.0)  # a released button
    bridge.send("/panic", 1.0)
    data = await wire.read(3 + 6 + 48 * 3)
    assert data[3:9].hex() == "843c40b47b00"
    assert data[-3:].hex() == "bf7800"


@pytest.mark.parametrize("din", ["false", "true"])
async def test_notes_are_ended_by_a_reload_that_changes_the_route(
    start: Any, join: Any, din: str
) -> None:
    endpoint = f'listen = "127.0.0.1:{free_port()}"\ndin = {din}'
    bridge = await start(endpoint)
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    await wire.read(3)
    await bridge.reload(endpoint, route='match = "/other"')
    assert (await wire.read(6)).hex() == "803c40b07b00"  # on the same connection


@pytest.mark.parametrize(("release", "ended"), [("true", "803c40"), ("false", "")])
async def test_notes_of_a_peer_end_with_its_connection_if_configured(
    start: Any, join: Any, release: str, ended: str
) -> None:
    bridge = await start(f'listen = "127.0.0.1:0"\nrelease = {release}')
    wire = await join(bridge)
    gone, here = oscbridge.Origin("osc", ("127.0.0.1", 1)), oscbridge.Origin("osc", ("::1", 2))
    for note, origin in ((60, gone), (61, here)):
        message = oscbridge.Message("/note", "iii", (1, note, 1), None, origin)
        await bridge.endpoint.send_batch([message])
    bridge.endpoint.source_gone(gone)
    bridge.send("/clock")
    assert (await wire.read(7 + len(ended) // 2)).hex() == f"903c01903d01{ended}f8"


async def test_notes_of_a_tcp_client_end_when_it_disconnects(start: Any, join: Any) -> None:
    bridge = await start(
        'listen = "127.0.0.1:0"\nrelease = true\n[bridge.desk]\nlisten = "tcp://127.0.0.1:0"',
        route='[[route]]\nfrom = "desk"\nto = "synth"',
    )
    wire = await join(bridge)
    bridge.send("/note", 1, 61, 1)
    assert (await wire.read(3)).hex() == "903d01"
    address = bridge.app.listeners["desk"].address
    _, writer = await asyncio.open_connection(address.host, address.port)
    packet = oscbridge.encode_message(oscbridge.Message.of("/note", 1, 60, 1))
    writer.write(b"\xc0" + packet + b"\xc0")
    assert (await wire.read(3)).hex() == "903c01"
    writer.close()
    assert (await wire.read(3)).hex() == "803c40"


# --- routes -----------------------------------------------------------------------------------


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


async def test_later_client_receives_the_zone_setup(
    start: Any, join: Any, eventually: Eventually
) -> None:
    bridge = await start(route="midi = { mpe = { channels = 3 } }")
    bridge.send("/note", 1, 60, 1)
    await eventually(lambda: bridge.app.endpoints["synth"].sent)
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


@pytest.mark.parametrize(("route", "sent"), [("", ""), ("midi = { echo = true }", "903c40")])
async def test_message_is_sent_back_only_with_echo(
    start: Any, join: Any, route: str, sent: str
) -> None:
    bridge = await start(route=route, configuration=CONFIGURATION_OF_ECHO)
    wire = await join(bridge)
    await wire.write(bytes.fromhex("903c40"))
    await bridge.receive()
    await bridge.app.stop()
    assert (await wire.rest()).hex().startswith(sent)
    assert bool(sent) == (bridge.app.endpoints["synth"].sent > 0 and bool(sent))


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


# --- receiving --------------------------------------------------------------------------------


async def test_clock_becomes_tempo_if_configured(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nclock = "tempo"')
    wire = await join(bridge)
    for _ in range(25):
        await wire.write(b"\xf8")
        await asyncio.sleep(0.001)
    message = await bridge.receive()
    assert message.address == "/tempo"
    [tempo] = message.args
    assert isinstance(tempo, float)
    assert 0 < tempo <= 60 / 0.024


async def test_upper_half_alone_is_emitted_after_a_moment(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    await wire.write(bytes.fromhex("b06300b06205b00601"))
    assert await bridge.receive() == oscbridge.Message.of("/nrpn", 1, 5, 128)


async def test_received_messages_carry_their_time(start: Any, join: Any) -> None:
    bridge = await start()
    heard: list[oscbridge.Message] = []
    dispatcher = bridge.app.endpoints["synth"].dispatcher
    dispatcher.map("/note", heard.append, needs_message=True)
    wire = await join(bridge)
    before = oscbridge.TimeTag.from_unix(time.time())
    await wire.write(bytes.fromhex("903c40"))
    await bridge.receive()
    [message] = heard
    assert message.timetag is not None
    assert 0 <= message.timetag.unix() - before.unix() < 10


# --- DIN --------------------------------------------------------------------------------------


async def test_fader_flood_does_not_delay_a_note_at_din_speed(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    for value in range(500):
        bridge.send("/control", 1, 7, value % 128)
    bridge.send("/note", 1, 60, 1)
    bridge.send("/note", 1, 60, 0)
    bridge.send("/control", 1, 8, 5)
    sent = b""
    while not sent.endswith(bytes.fromhex("b00805")):
        sent += await wire.read(3)
    events = [sent[index : index + 3].hex() for index in range(0, len(sent), 3)]
    assert events.index("903c01") + 1 == events.index("803c40")
    assert events.index("903c01") < 100
    assert f"b007{499 % 128:02x}" in events
    assert bridge.drops["replaced"] == 503 - len(events)


async def test_din_sends_at_most_3125_bytes_per_second(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    loop = asyncio.get_running_loop()
    for note in range(100):
        bridge.send("/note", 1, note, 1)
    await wire.read(3)
    began = loop.time()
    assert [await wire.read(3) for _ in range(99)] == [bytes((0x90, n, 1)) for n in range(1, 100)]
    assert loop.time() - began > 97 * 3 / 3125


# --- bursts -----------------------------------------------------------------------------------


@pytest.mark.load
async def test_burst_of_10000_messages_arrives_complete_and_in_order(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    count = 10_000
    notes = [(index % 16, index // 128 % 128, 1 + index % 127) for index in range(count)]
    expected = b"".join(bytes((0x90 | channel, note, v)) for channel, note, v in notes)
    reading = asyncio.create_task(wire.read(len(expected)))
    for index, (channel, note, velocity) in enumerate(notes):
        bridge.send("/note", channel + 1, note, velocity)
        if index % 200 == 0:
            await asyncio.sleep(0)  # the socket's receive buffer is small
    assert await reading == expected
    assert not bridge.drops


@pytest.mark.load
async def test_received_burst_arrives_complete_and_in_order(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    heard: list[oscbridge.Argument] = []
    bridge.app.endpoints["synth"].dispatcher.map(
        "/song_position", lambda _address, position: heard.append(position)
    )
    await wire.write(b"".join(bytes((0xF2, n & 127, n >> 7)) for n in range(10_000)))
    async with asyncio.timeout(10):
        while len(heard) < 10_000:
            await asyncio.sleep(0.01)
    assert heard == list(range(10_000))
