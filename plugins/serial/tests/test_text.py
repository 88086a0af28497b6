"""Lines of text."""

from __future__ import annotations

from typing import Any

import pytest

import oscbridge
from oscbridge import Message
from oscbridge_serial.codec import LineCodec

TEXT = 'protocol = "text"\n'


def codec(message: str = "/serial {*}", line: str = "{address} {*}") -> LineCodec:
    return LineCodec(64, line, "\n", message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"21.5 C", Message.of("/serial", 21.5, "C")),
        (b"  -3\t+7 \r", Message.of("/serial", -3, 7)),
        (b"/fader/1 0.5", Message.of("/fader/1", 0.5)),
        (b"/hello", Message("/hello")),
        ("grün".encode(), Message.of("/serial", "grün")),
        (b"9999999999", Message.of("/serial", 9_999_999_999)),
        (b"", None),
        (b" \r", None),
    ],
)
def test_line_becomes_a_message(line: bytes, message: Message | None) -> None:
    assert codec().decode(line) == message


def test_words_fill_the_template_of_the_message() -> None:
    found = codec("/sensor/{0} {1:f}").decode(b"temperature 21")
    assert found == Message.of("/sensor/temperature", 21.0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\xff\xfe\x80", "encoding"),
        (b"a\x00b", "control"),
        (b"temperature", "arguments"),
        (b"x" * 65, "max_packet_size"),
        (b"a# 1", "address"),
    ],
)
def test_bad_line_is_counted_by_reason(line: bytes, reason: str) -> None:
    with pytest.raises(oscbridge.DecodeError) as caught:
        codec("/sensor/{0} {1:f}").decode(line)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("line", "data"),
    [
        ("{address} {*}", b"/servo/3 0.5 a T\n"),
        ("S{n} {= int(x * 180)}", b"S3 90\n"),
        ("{0:i}", b"1\n"),
        ("G1 X{0}", b"G1 X0.5\n"),
    ],
)
def test_message_becomes_a_line(line: str, data: bytes) -> None:
    message = Message.of("/servo/3", 0.5, "a", "T")
    assert codec().encode(message, line, {"n": "3"}) == data


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Message("/a"), "missing argument {0}"),
        (Message.of("/a", "two\nlines"), "must not contain a line end"),
        (Message.of("/a", "x" * 80), "81 bytes exceed max_packet_size = 64"),
    ],
)
def test_message_that_is_not_a_line_is_rejected(message: Message, text: str) -> None:
    with pytest.raises(oscbridge.BadMessage) as caught:
        codec(line="{0}").encode(message, None, {})
    assert text in str(caught.value)


async def test_lines_go_both_ways(start: Any, device: Any) -> None:
    route = 'match = "/servo/{n}"\nserial = { line = "S{n} {= int(x * 180)}" }'
    bridge = await start(TEXT + r'line_end = "\r\n"', route)
    bridge.send("osc", Message.of("/servo/3", 0.5))
    assert await device.receive(7) == b"S3 90\r\n"
    device.send(b"21.5\r\n\r\n/button 1\n\xff\nbye")
    messages = await bridge.recording("seen").arrived(2)
    assert [(each.address, *each.args) for each in messages] == [("/serial", 21.5), ("/button", 1)]
    await bridge.until(lambda: bridge.endpoint_status("arduino").received.bad == {"encoding": 1})


async def test_failing_expression_drops_the_message(start: Any, device: Any) -> None:
    bridge = await start(TEXT, 'match = "/a"\nserial = { line = "{= 1 / x}" }')
    bridge.send("osc", Message.of("/a", 0), Message.of("/a", 1))
    assert await device.receive(2) == b"1\n"
    await bridge.until(lambda: bridge.endpoint_status("arduino").dropped == {"expression": 1})


async def test_carriage_returns_may_end_lines(start: Any, device: Any) -> None:
    bridge = await start(TEXT + r'line_end = "\r"')
    device.send(b"1\r2\r")
    messages = await bridge.recording("seen").arrived(2)
    assert [each.args for each in messages] == [(1,), (2,)]
