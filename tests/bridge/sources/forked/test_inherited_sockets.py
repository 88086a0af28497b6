"""Processes started by a route's function do not inherit the sockets of a forking bridge."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from oscbridge import Message
from oscbridge.testing import running_bridge

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CONFIG = """
[bridge.in]
listen = "{listen}"
mode = "forking"
{option}
[endpoint.out]
type = "recording"
[[route]]
from = "in"
function = "{module}:{function}"
to = "out"
"""
MODULE = """
import json, os, subprocess, sys

LIST = '''
import json, os
links = []
for number in os.listdir("/proc/self/fd"):
    try:
        links.append(os.readlink("/proc/self/fd/" + number))
    except OSError:
        pass
with open({file!r}, "w") as file:
    json.dump([link for link in links if link.startswith("socket:")], file)
'''

def fork(message):
    child = os.fork()
    if not child:
        try:
            exec(LIST)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return message

def spawn(message):
    subprocess.run([sys.executable, "-c", LIST], close_fds=False, check=True)
    return message
"""


@pytest.mark.parametrize("function", ["fork", "spawn"])
@pytest.mark.parametrize(
    ("listen", "option"),
    [
        ("udp://127.0.0.1:0", ""),
        ("udp://127.0.0.1:0", "max_messages_per_child = 1000"),
        ("tcp://127.0.0.1:0", ""),
    ],
)
async def test_process_that_a_function_starts_inherits_no_socket(
    listen: str, option: str, function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"start_{re.sub(r'[^a-z0-9]', '_', tmp_path.name.lower())}"
    file = tmp_path / "sockets.json"
    (tmp_path / f"{module}.py").write_text(MODULE.replace("{file!r}", repr(str(file))))
    monkeypatch.syspath_prepend(tmp_path)
    text = CONFIG.format(listen=listen, option=option, module=module, function=function)
    async with running_bridge(text) as bridge:
        bridge.send("in", Message.of("/x"))
        await bridge.until(lambda: bridge.recording("out").messages)
    assert json.loads(file.read_text()) == []
