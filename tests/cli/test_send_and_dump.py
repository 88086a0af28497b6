"""``oscbridge send`` and ``dump``, with each other and with real peers."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage

from oscbridge import IMPULSE, MIDI, Color, Message, TimeTag, decode_packet, encode_bundle
from oscbridge.osc import encode_message

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


@pytest.fixture
def sent(call: Call, receiver: socket.socket) -> Callable[..., bytes]:
    """The datagram that ``send`` sends."""

    def sent(*args: str) -> bytes:
        result = call("send", "--to", f"udp://127.0.0.1:{receiver.getsockname()[1]}", *args)
        assert (result.returncode, result.stderr) == (0, "")
        return receiver.recv(65_536)

    return sent


def test_send_infers_the_types(sent: Callable[..., bytes]) -> None:
    data = sent(
        "/x", "1", "-2", "2147483648", "0.5", "-.5", "true", "false", "nil", "on", "1_0", ""
    )
    assert decode_packet(data)[:3] == (
        "/x",
        "iihffTFNsss",
        (1, -2, 2147483648, 0.5, -0.5, True, False, None, "on", "1_0", ""),
    )


def test_send_uses_the_given_types(sent: Callable[..., bytes]) -> None:
    data = sent(
        *("/x", "--types", "ihfdsSbcrmtTFNI[i[s]]"),
        *("1", "2", "3", "4", "5", "6", "0x0708", "c", "#11223344", "00903c7f", "immediately"),
        *("10", "a"),
    )
    assert decode_packet(data)[:3] == (
        "/x",
        "ihfdsSbcrmtTFNI[i[s]]",
        (
            *(1, 2, 3.0, 4.0, "5", "6", b"\x07\x08", "c", Color(0x11223344)),
            *(MIDI(0, 0x90, 60, 127), TimeTag(1), True, False, None, IMPULSE, [10, ["a"]]),
        ),
    )


def test_send_accepts_an_address_with_a_blank_and_arguments(sent: Callable[..., bytes]) -> None:
    assert decode_packet(sent("/avatar/Go Emote", "1"))[:3] == ("/avatar/Go Emote", "i", (1,))
    assert decode_packet(sent("/next cue", "--types", ""))[:3] == ("/next cue", "", ())


@pytest.mark.parametrize("address", ["node", "ch/01", "größe", "a:b"])
def test_send_keeps_an_address_without_a_slash(sent: Callable[..., bytes], address: str) -> None:
    packet = sent(address, "1", "x")
    assert packet.startswith(address.encode() + b"\0")
    assert decode_packet(packet)[:3] == (address, "is", (1, "x"))


def test_python_osc_reads_messages_of_send(sent: Callable[..., bytes]) -> None:
    message = OscMessage(sent("/mixer/1", "1", "0.5", "on", "true"))
    assert message.address == "/mixer/1"
    assert message.params == [1, 0.5, "on", True]


def test_send_accepts_text_like_an_option_after_two_dashes(
    sent: Callable[..., bytes],
) -> None:
    assert decode_packet(sent("/x", "--", "--types", "-h"))[2] == ("--types", "-h")


def test_send_prints_the_sent_message(call: Call, receiver: socket.socket) -> None:
    url = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
    result = call("send", "/x", "1", "0.1", "a b", "--to", url)
    assert result.stdout == f'sent /x ,ifs 1 0.1 "a b" to {url}\n'


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("hel*o",), "address must start with '/', got 'hel*o'"),
        (("a b", "1"), "address must start with '/', got 'a b'"),
        (("", "1"), "address must start with '/', got ''"),
        (("desk:9000", "/x"), "got 'desk:9000'; write --to udp://desk:9000"),
        (("[::1]:9000", "/x"), "got '[::1]:9000'; write --to udp://[::1]:9000"),
        (("desk", "9000", "/x", "1"), "got 'desk'; write /x first, and --to udp://desk:9000"),
        (("udp://a:1", "/x"), "address must start with '/', got 'udp://a:1'; write --to udp://a:1"),
        (("/a 1",), "did you mean: oscbridge send /a 1?"),
        (("/a ",), "'/a ' is a single address with a blank in it; did you mean"),
        ((), "Missing argument 'ADDRESS'"),
        (("/x", "--types", "i", "a"), "'a' does not fit type tag 'i'"),
        (("/x", "--types", "q", "a"), "unknown type tag 'q' in ,q"),
        (("/x", "--types", "ii", "1"), "missing argument for type tag 'i' of ,ii"),
        (("/x", "--types", "i", "1", "2"), "more arguments than type tags in ,i: '2'"),
        (("/x", "--types", "[i", "1"), "unclosed '[' in ,[i"),
        (("/x", "--types", "i", "9999999999"), "does not fit type tag 'i'"),
        (("/x", "9" * 30), "no OSC type for"),
        (("/x", "9" * 5000), "a number of 5000 digits does not fit any type tag"),
        (("/x", "--tpyes", "i", "1"), "unknown option '--tpyes'; did you mean '--types'?"),
        (("/x", "-z"), "unknown option '-z'; put -- before arguments like this"),
        (("/x", "--to", "127.0.0.1:9000"), "write it as udp://host:port"),
        (("/x", "--to", "http://a:1"), "unknown transport 'http'"),
        (("/x", "--to", "udp://127.0.0.1:99999"), "the port must be 0 to 65535"),
        (("/x", "--to", "udp://*:9000"), "'*' is not a valid host: it contains '*'"),
        (("/x", "--to", "udp://127.0.0.1:0"), "cannot send to port 0"),
    ],
)
def test_wrong_usage_of_send_is_an_error_without_a_traceback(
    args: tuple[str, ...], text: str, call: Call
) -> None:
    result = call("send", *args)
    assert result.returncode == 2
    assert result.stdout == ""
    assert text in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_send_to_an_unknown_host_is_an_error_without_a_traceback(call: Call) -> None:
    result = call("send", "/x", "--to", "udp://no-such-host.invalid:9000")
    assert result.returncode == 1
    assert result.stderr == (
        "error: udp://no-such-host.invalid:9000: unknown host, "
        "or its name cannot be looked up; check the spelling\n"
    )


# --- dump --------------------------------------------------------------------------------------


@pytest.fixture
def dump(start: Start) -> tuple[Any, int]:
    """A listening ``dump`` and its port."""
    program = start("dump", "--listen", "udp://127.0.0.1:0")
    return program, int(program.wait_for(r"listening on udp://127\.0\.0\.1:(\d+)")[1])


def test_dump_prints_the_messages_of_send(dump: tuple[Any, int], call: Call) -> None:
    program, port = dump
    sent = call("send", "/mixer/1", "0.5", "on", "--to", f"udp://127.0.0.1:{port}")
    assert sent.returncode == 0
    line = program.wait_for("/mixer").string.rstrip("\n")
    time, sender, rest = line.split(" ", 2)
    assert len(time) == len("12:34:56.789")
    assert sender.startswith("127.0.0.1:")
    assert rest == '/mixer/1 ,fs 0.5 "on"'


def test_dump_shows_a_bundle_at_once_with_its_time_tag(dump: tuple[Any, int]) -> None:
    program, port = dump
    later = TimeTag.from_unix(4_000_000_000)
    data = encode_bundle([encode_message(Message("/later"))], later)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, ("127.0.0.1", port))
    assert (
        program.wait_for("/later").string.rstrip().endswith("/later , @ 2096-10-02T07:06:40+00:00")
    )


def test_dump_is_safe_against_control_characters(dump: tuple[Any, int]) -> None:
    program, port = dump
    message = Message("/a\x1b[2J\r\nb", "ssc", ("\x1b]0;owned\x07", "\u202e\u200b\\", "\x9b"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(encode_message(message), ("127.0.0.1", port))
    line = program.wait_for("/a").string
    assert line.rstrip("\n").isprintable()
    assert r"/a\x1b[2J\r\nb ,ssc" in line
    assert r'"\x1b]0;owned\x07" "\u202e\u200b\\" "\x9b"' in line


def test_dump_keeps_running_after_junk(dump: tuple[Any, int]) -> None:
    program, port = dump
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for data in (b"junk", b"/x\0\0,q\0\0", b"", encode_message(Message("/good"))):
            sock.sendto(data, ("127.0.0.1", port))
    program.wait_for("/good")
    assert "Traceback" not in program.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_dump(number: int, dump: tuple[Any, int]) -> None:
    program, _ = dump
    assert program.stop(number) == 0


def test_dump_on_a_port_in_use_is_an_error(call: Call, receiver: socket.socket) -> None:
    url = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
    result = call("dump", "--listen", url)
    assert result.returncode == 1
    assert result.stderr == (
        f"error: {url}: address already in use; end the other program or choose another port\n"
    )
