"""The load that one WebSocket client must sustain: nothing lost, nothing out of order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from udp_sockets import udp_socket

import oscbridge

COUNT = 50_000
RATE = 20_000
SENDER = Path(__file__).with_name("paced_sender.py")


@pytest.mark.load
@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
def test_twenty_thousand_messages_per_second_reach_a_client(run: Any, join: Any, mode: str) -> None:
    program = run(mode=mode)
    client = join(program)
    command = [sys.executable, SENDER, str(program.udp_port), str(COUNT), str(RATE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        received: list[Any] = []
        try:
            while len(received) < COUNT:
                packet = oscbridge.decode_packet(client.recv(timeout=5))
                received += [message.args[0] for message in oscbridge.messages(packet)]
        except TimeoutError:
            pass  # the assertions below are more precise
        took, _ = sender.communicate()
    rate = COUNT / float(took)
    dropped = udp_socket(program.udp_port).dropped
    print(f"{len(received)} of {COUNT} at {rate:.0f}/s, {dropped} dropped by the kernel")
    assert len(received) == COUNT, f"{dropped} dropped by the kernel; {program.log}"
    if mode == "threading":  # threads may overtake each other
        received.sort()
    assert received == list(range(COUNT))
    assert rate > RATE * 0.95, "the sender could not keep the pace"
