"""Messages as WebSocket frames."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

import oscbridge
from oscbridge_websocket.frames import FrameFormat, OutgoingFrame, make_frames, serialize


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("text", [False, True])
def test_serialized_frame_is_that_of_the_library(size: int, text: bool) -> None:
    data = b"x" * size
    expected = Frame(Opcode.TEXT if text else Opcode.BINARY, data).serialize(mask=False)
    assert serialize(data, text=text) == expected


@pytest.mark.parametrize("frame_format", FrameFormat)
def test_one_message_makes_the_frame_that_it_makes_among_others(frame_format: FrameFormat) -> None:
    drops: list[int] = []
    message = oscbridge.Message("/a", "i", (1,))
    alone = make_frames([message], frame_format, drops.append)
    uncommon = oscbridge.Message("/b", "m", (b"\0\x90\x40\x40",))  # never part of a bundle
    (first, _) = make_frames([message, uncommon], frame_format, drops.append)
    assert (alone, drops) == ([first], [])
    assert isinstance(first, OutgoingFrame)


@pytest.mark.parametrize("frame_format", [FrameFormat.BUNDLES, FrameFormat.MESSAGES])
def test_one_message_that_cannot_be_encoded_is_counted(frame_format: FrameFormat) -> None:
    drops: list[int] = []
    message = oscbridge.Message("/a", "i", (1 << 40,))
    assert make_frames([message], frame_format, drops.append) == []
    assert drops == [1]
