"""The first configurations of the README, in the real program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from oscbridge import Message, encode_message
from oscbridge.testing import running_process

README = (Path(__file__).parent.parent / "README.md").read_text()
OSC, TEXT = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


def on(device: Any, text: str) -> str:
    """A configuration with this device, and a port that the system chooses."""
    text = re.sub(r'(device +=) ".*?"', rf'\1 "{device.path}"', text)
    text = text.replace("[bridge.stage]", '[bridge.stage]\nlisten = "udp://127.0.0.1:0"')
    return text.replace('listen = "udp://0.0.0.0:9000"\n', "")


async def test_packet_of_osc_reaches_the_device(device: Any) -> None:
    packet = encode_message(Message.of("/led/1", 1))
    with running_process(on(device, OSC)) as program:
        program.send("stage", packet)
        assert await device.receive(len(packet) + 2) == b"\xc0" + packet + b"\xc0"
        assert program.stop() == 0


async def test_line_of_text_reaches_the_device(device: Any) -> None:
    with running_process(on(device, TEXT)) as program:
        program.send("stage", encode_message(Message.of("/servo/3", 0.5)))
        assert await device.receive(6) == b"S3 90\n"
        program.send("stage", encode_message(Message.of("/led/1", 1)))
        assert await device.receive(9) == b"/led/1 1\n"
        assert program.stop() == 0
