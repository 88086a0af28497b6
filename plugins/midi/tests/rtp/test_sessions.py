"""Sessions between two bridges."""

from __future__ import annotations

import socket
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import configuration_error, free_port, until
from oscbridge_midi.rtp.session_commands import ClockSync, Invitation, decode_command

LISTEN = 'listen = "rtp://127.0.0.1:0"'

MESSAGES: list[tuple[str, tuple[oscbridge.Argument, ...]]] = [
    ("/note", (1, 69, 100)),
    ("/note_off", (16, 127, 5)),
    ("/key_pressure", (2, 60, 127)),
    ("/control", (3, 7, 64)),
    ("/program", (10, 127)),
    ("/channel_pressure", (1, 5)),
    ("/pitch", (2, 16383)),
    ("/nrpn", (1, 300, 16383)),
    ("/sysex", (b"\xf0" + bytes(n & 127 for n in range(4_000)) + b"\xf7",)),
    ("/mtc", (7, 15)),
    ("/song_position", (16383,)),
    ("/song_select", (5,)),
    ("/tune_request", ()),
    ("/clock", ()),
    ("/start", ()),
    ("/active_sensing", ()),
]


def both(bridge: Any) -> str:
    """The options of an endpoint that invites this bridge."""
    return f'output = "rtp://127.0.0.1:{bridge.port}"\ninput = "rtp://127.0.0.1:{bridge.port}"'


@pytest.fixture
async def pair(start: Any) -> tuple[Any, Any]:
    """A listening bridge, and one that has invited it."""
    listening = await start(LISTEN)
    inviting = await start(both(listening))
    await until(lambda: listening.endpoint.client_count == 1)
    return listening, inviting


async def test_every_kind_of_message_passes_both_ways(pair: Any) -> None:
    listening, inviting = pair
    for sender, receiver in (pair, pair[::-1]):
        for address, args in MESSAGES:
            sender.send(address, *args)
            assert await receiver.receive() == oscbridge.Message.of(address, *args)
    assert not listening.bad
    assert not inviting.bad


async def test_notes_end_when_the_peer_leaves(pair: Any) -> None:
    listening, inviting = pair
    inviting.send("/note", 1, 60, 1)
    assert (await listening.receive()).args == (1, 60, 1)
    await inviting.stop()
    ends = [(await listening.receive()) for _ in range(2)]
    assert [(each.address, each.args) for each in ends] == [
        ("/note_off", (1, 60, 64)),
        ("/control", (1, 123, 0)),
    ]
    await until(lambda: listening.endpoint.client_count == 0)


async def test_setup_of_an_mpe_zone_reaches_a_new_peer(start: Any) -> None:
    listening = await start(LISTEN, route="midi = { mpe = { channels = 3 } }")
    listening.send("/note", 1, 60, 1)
    await until(lambda: listening.status.sent)
    inviting = await start(both(listening))
    assert await inviting.receive() == oscbridge.Message.of("/rpn", 1, 6, 384)
    assert not inviting.status.received.dropped


async def test_several_peers_hear_the_listener(start: Any, pair: Any) -> None:
    listening, first = pair
    second = await start(both(listening))
    await until(lambda: listening.endpoint.client_count == 2)
    listening.send("/control", 1, 7, 5)
    for each in (first, second):
        assert (await each.receive()).args == (1, 7, 5)


async def test_initiator_reconnects_to_a_listener_that_is_there_again(start: Any) -> None:
    port = free_port()
    listening = await start(f'listen = "rtp://127.0.0.1:{port}"')
    inviting = await start(f'output = "rtp://127.0.0.1:{port}"')
    await until(lambda: listening.endpoint.client_count == 1)
    inviting.send("/note", 1, 60, 1)
    assert (await listening.receive()).args == (1, 60, 1)
    await listening.stop()
    again = await start(f'listen = "rtp://127.0.0.1:{port}"')
    await until(lambda: again.endpoint.client_count == 1)
    inviting.send("/control", 1, 7, 5)
    while (await again.receive()).args != (1, 7, 5):
        pass  # the end of the note comes first


async def test_invitation_from_elsewhere_is_refused(start: Any) -> None:
    listening = await start(f'{LISTEN}\nallow = ["10.0.0.0/8"]')
    await start(both(listening))
    await until(lambda: listening.status.refused)
    assert listening.endpoint.client_count == 0


async def test_strangers_are_not_heard(start: Any) -> None:
    listening = await start(LISTEN)
    packet = bytes.fromhex("8061 0001 00000002 00000003 03 903c40")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(packet, ("127.0.0.1", listening.port + 1))
        stranger.sendto(b"\xff\xffXX", ("127.0.0.1", listening.port))
        stranger.sendto(b"", ("127.0.0.1", listening.port + 1))
        await until(lambda: listening.bad["no_session"])
    assert listening.received.empty()


async def test_clock_is_synchronised_by_the_initiator(start: Any) -> None:
    control, data = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with control, data:
        port = free_port()
        control.bind(("127.0.0.1", port))
        data.bind(("127.0.0.1", port + 1))
        for each in (control, data):
            each.setblocking(False)
        await start(f'output = "rtp://127.0.0.1:{port}"')
        for each in (control, data):
            while True:
                packet, peer = await receive(each)
                command = decode_command(packet)
                if isinstance(command, Invitation) and command.letters == b"IN":
                    break
            assert isinstance(command, Invitation)
            each.sendto(Invitation(b"OK", command.token, 7, "gear").encode(), peer)
        while not isinstance(command, ClockSync):
            packet, peer = await receive(data)
            command = decode_command(packet)
        assert command.step == 0
        data.sendto(ClockSync(7, 1, command.first, 1000).encode(), peer)
        packet, _ = await receive(data)
        answer = decode_command(packet)
        assert isinstance(answer, ClockSync)
        assert (answer.step, answer.first, answer.second) == (2, command.first, 1000)


async def receive(sock: socket.socket) -> tuple[bytes, Any]:
    found: list[tuple[bytes, Any]] = []

    def ready() -> bool:
        try:
            found.append(sock.recvfrom(65_536))
        except BlockingIOError:
            return False
        return True

    await until(ready)
    return found[0]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ('output = "rtp://"', "write it as rtp://host:5004, or rtp://NAME"),
        ('output = "rtp://1.2.3.4:65535"', "the port must be 1 to 65534; data uses the next one"),
        ('listen = "rtp://0.0.0.0"', "write it as rtp://host:port"),
        ('listen = "udp://0.0.0.0:5004"', "or as rtp://host:port"),
    ],
)
def test_error_says_how_to_write_it(lines: str, text: str) -> None:
    assert text in configuration_error(f'[endpoint.synth]\ntype = "midi"\n{lines}\n')
