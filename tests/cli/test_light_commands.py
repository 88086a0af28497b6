"""What a command does not use, it does not load: it ends sooner."""

from __future__ import annotations

import socket
import subprocess
import sys

UNUSED = {
    "asyncio",
    "encodings.idna",
    "importlib.metadata",
    "logging",
    "oscbridge.dispatch.dispatcher",
    "oscbridge.osc.pattern",
    "oscbridge.plugins.manager",
    "pathlib",
    "pydantic",
}

PROGRAM = f"""
import atexit, gc, sys
from oscbridge.cli import main

def show():
    print({UNUSED} & set(sys.modules), gc.get_freeze_count() > 0)

atexit.register(show)
main()
"""


def test_send_loads_only_what_it_needs_and_its_end_visits_no_modules() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        target = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "send", "/hello", "1", "--to", target],
            capture_output=True,
            text=True,
            timeout=30,
        )
        receiver.settimeout(10)
        assert receiver.recv(100) == b"/hello\0\0,i\0\0\0\0\0\1", done.stderr
    assert done.stdout.splitlines()[1:] == ["set() True"], done.stderr
