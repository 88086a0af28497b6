"""Ctrl-C in every mode, while exceptions of functions are contained."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from oscbridge import Message, encode_message
from oscbridge.osc.framing import encode_slip
from oscbridge.testing.process import READY, OscbridgeProcess
from tests.support.processes import members_of_group

Write = Callable[..., str]
Start = Callable[[str], OscbridgeProcess]

CONFIGURATION = """
[bridge.stage]
listen = "{scheme}://127.0.0.1:0"
mode = "{mode}"

[endpoint.out]
type = "osc"
to = "udp://127.0.0.1:9"

[[route]]
from = "stage"
function = "mine:function"
to = "out"
"""

MODULE = """
import time

def function(message):
    if message.address == "/explode":
        raise KeyboardInterrupt
    end = time.perf_counter() + 0.0005
    while time.perf_counter() < end:  # in Python, where a signal is handled
        pass
    return message
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="it is about signals")


class Load:
    """Sends messages all the time, some of which make the function raise."""

    def __init__(self, scheme: str, port: int) -> None:
        self._over = threading.Event()
        self._is_udp = scheme == "udp"
        kind = socket.SOCK_DGRAM if self._is_udp else socket.SOCK_STREAM
        self._sock = socket.socket(socket.AF_INET, kind)
        self._sock.connect(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        encode = bytes if self._is_udp else encode_slip
        packets = [encode(encode_message(Message(each))) for each in ("/x", "/x", "/explode")]
        with suppress(OSError):
            while not self._over.is_set():
                for packet in packets:
                    self._sock.sendall(packet)
                    time.sleep(0.002)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._sock.close()


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Starts the bridge as the leader of a process group, as a shell does."""
    running: list[OscbridgeProcess] = []

    def start(file: str) -> OscbridgeProcess:
        running.append(OscbridgeProcess("run", file, env=environment, new_session=True))
        return running[-1]

    yield start
    for program in running:
        program.close()


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
def test_interrupt_ends_a_bridge_whose_functions_raise_anything(
    mode: str, scheme: str, start: Start, write: Write
) -> None:
    write(MODULE, "mine.py")
    program = start(write(CONFIGURATION.format(scheme=scheme, mode=mode)))
    program.wait_for(READY)
    load = Load(scheme, program.port("stage"))
    try:
        program.wait_for("function failed: KeyboardInterrupt")
        time.sleep(0.3)
        os.killpg(program.process.pid, signal.SIGINT)
        began = time.monotonic()
        assert program.ended(10) == 0, program.output
        assert time.monotonic() - began < 5
    finally:
        load.close()
    assert "stopping" in program.output
    assert "Traceback" not in program.output
    assert members_of_group(program.process.pid) == []
