"""Servers whose user may have no more threads or processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import logging, os, queue, resource, socket, sys, threading, time
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc import Message, encode_message
from oscbridge.osc_server import ThreadingOSCUDPServer

handled = queue.SimpleQueue()

def handle(address, number):
    time.sleep(0.01)
    handled.put(number)

logging.basicConfig(stream=sys.stdout)
dispatcher = Dispatcher()
dispatcher.map("/x", handle)
server = ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher)
serving = threading.Thread(target=server.serve_forever)
serving.start()
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(server.server_address)
client.send(encode_message(Message.of("/x", -1)))
handled.get(timeout=10)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
if os.geteuid() == 0:
    os.setresuid(54_321, 54_321, 54_321)  # root has no such limit
for number in range(50):
    client.send(encode_message(Message.of("/x", number)))
assert sorted(handled.get(timeout=10) for _ in range(50)) == list(range(50))
server.shutdown()
serving.join()
server.server_close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is about a limit of Linux")
def test_threading_server_continues_without_more_threads() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line for line in result.stdout.splitlines() if "can't start new thread" in line]
    assert len(lines) == 1
    assert "continuing with" in lines[0]
