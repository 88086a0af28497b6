"""Start and stop of ``oscbridge run`` under adverse conditions."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stopwatch import seconds_to_end

from oscbridge import Message
from oscbridge.tcp_client import TCPClient
from oscbridge.udp_client import UDPClient

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))
BRIDGE = '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
ROUTE = """
[endpoint.out]
type = "osc"
to = "udp://127.0.0.1:9"
[[route]]
from = "stage"
function = "mine:function"
to = "out"
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="it is about signals and descriptors")


def port_of(program: Any) -> int:
    port = int(program.wait_for(r"udp://127\.0\.0\.1:(\d+)")[1])
    program.wait_for("Ctrl-C stops it")
    return port


def test_thread_that_limits_the_shutdown_is_running_when_end_within_returns() -> None:
    """An interpreter that ends while it is being started crashes."""
    code = (
        "import _thread; from oscbridge.cli.ending import end_within\n"
        "for n in range(20): end_within(60); assert _thread._count() == n + 1, n"
    )
    for _ in range(3):
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (
            "def function(message):\n    print('here', flush=True)\n    time.sleep(60)\n",
            "mine.py:4",
        ),
        (
            "threading.Thread(target=lambda: time.sleep(60), name='mine').start()\n"
            "def function(message):\n    print('here', flush=True)\n",
            "the thread 'mine' at {folder}/mine.py:2",
        ),
        (
            "import asyncio\ndef function(message):\n    print('here', flush=True)\n"
            "    asyncio.get_running_loop().run_in_executor(None, lambda: time.sleep(60))\n",
            "the thread 'asyncio_0' at {folder}/mine.py:5",
        ),
        (
            "import asyncio\nasync def forever():\n    while True:\n        try:\n"
            "            await asyncio.sleep(60)\n        except BaseException:\n"
            "            pass\n"
            "def function(message):\n    print('here', flush=True)\n"
            "    function.task = asyncio.create_task(forever(), name='mine')\n",
            "the task 'mine' at {folder}/mine.py:6",
        ),
    ],
    ids=["blocks the loop", "leaves a thread", "leaves work in a thread", "leaves a task"],
)
def test_stop_abandons_code_that_does_not_end(
    code: str, what: str, start: Start, write: Write, tmp_path: Path
) -> None:
    write(f"import threading, time\n{code}", "mine.py")
    program = start("run", write(BRIDGE + ROUTE))
    with UDPClient("127.0.0.1", port_of(program)) as client:
        client.send(Message.of("/x"))
    program.wait_for("here")
    assert seconds_to_end(program.process, signal.SIGTERM) < 3.5
    assert program.ended() == 1
    (line,) = re.findall(r"shutdown blocked for .* s by (.*); exiting anyway", program.output)
    assert line.endswith(what.format(folder=tmp_path))


SLOW = """
import time
from pathlib import Path
seen = 0

def function(message):
    global seen
    seen += 1
    print("handling", seen, flush=True)
    while not Path(__file__).with_name("all sent").exists():
        time.sleep(0.01)
    time.sleep(0.05)
"""


@pytest.mark.parametrize(
    ("scheme", "mode"),
    [("udp", "asyncio"), ("tcp", "asyncio"), ("udp", "blocking")],
)
def test_stop_drops_and_counts_messages_that_a_slow_function_leaves(
    scheme: str, mode: str, start: Start, write: Write
) -> None:
    write(SLOW, "mine.py")
    sent = 200
    bridge = f'[bridge.stage]\nlisten = "{scheme}://127.0.0.1:0"\nmode = "{mode}"\n'
    program = start("run", write(bridge + ROUTE))
    port = int(program.wait_for(rf"{scheme}://127\.0\.0\.1:(\d+)")[1])
    program.wait_for("Ctrl-C stops it")
    with (UDPClient if scheme == "udp" else TCPClient)("127.0.0.1", port) as client:
        client.send(Message.of("/x"))
        program.wait_for("handling 1")
        for _ in range(sent - 1):  # they are read at once: no more is left to the kernel
            client.send(Message.of("/x"))
        write("", "all sent")
        program.wait_for("handling 5")
        assert program.stop(signal.SIGINT) == 0
    handled = max(map(int, re.findall(r"handling (\d+)", program.output)))
    found = re.findall(r"not handled before the stop(?: \((\d+) )?", program.output)
    assert handled < sent, program.output
    assert sum(int(more or 1) for more in found) == sent - handled, program.output


def test_error_at_startup_is_reported_while_a_thread_does_not_end(call: Call, write: Write) -> None:
    write(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "def function(message):\n    pass\n",
        "mine.py",
    )
    away = '[endpoint.desk]\ntype = "osc"\nto = "tcp://127.0.0.1:9"\non_start = "error"\n'
    began = time.monotonic()
    result = call("run", write(BRIDGE + ROUTE + away))
    assert time.monotonic() - began < 8
    assert result.returncode == 1
    assert result.stderr.startswith("error: endpoint.desk: tcp://127.0.0.1:9: connection refused")


SLOW_IMPORT = "import time\nprint('loading', flush=True)\ntime.sleep(60)\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", ["plugin", "function"])
def test_signal_ends_the_start(
    what: str, number: signal.Signals, start: Start, write: Write, tmp_path: Path
) -> None:
    """An exception would look like a failure of the import, and the start would continue."""
    if what == "plugin":
        (tmp_path / "plugins").mkdir(mode=0o700)
        write(SLOW_IMPORT, "plugins/slow.py")
        program = start("run", write(f'{BRIDGE}[run]\nplugins = "plugins/"\n'))
    else:
        write(SLOW_IMPORT, "mine.py")
        program = start("run", write(BRIDGE + ROUTE))
    program.wait_for("loading")
    assert seconds_to_end(program.process, number) < 2
    assert program.ended() == 128 + number
    assert "error" not in program.output.lower()


EXITING = """
import asyncio
import sys
import oscbridge

class Exiting(oscbridge.Endpoint):
    async def connect(self):
        asyncio.get_running_loop().call_soon(leave)
        self.task = asyncio.create_task(self.leave())

    async def leave(self):
        leave()

    async def send(self, message):
        print("sent", message.address, flush=True)

def leave():
    {does}

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"exiting": Exiting}}
"""


@pytest.mark.parametrize(
    ("does", "text"),
    [
        ("sys.exit(3)", "a callback or a task failed: SystemExit: 3"),
        ("raise KeyboardInterrupt", "a callback or a task failed: KeyboardInterrupt"),
        (
            "asyncio.get_running_loop().stop()",
            "a plugin has stopped the event loop, which continues",
        ),
    ],
)
def test_callback_or_task_of_a_plugin_cannot_end_the_bridge(
    does: str, text: str, start: Start, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir(mode=0o700)
    file = write(EXITING.format(does=does), "plugins/exiting.py")
    config = BRIDGE + ROUTE.replace('"osc"\nto = "udp://127.0.0.1:9"', '"exiting"')
    config = config.replace('function = "mine:function"\n', "")
    program = start("run", write(f'{config}[run]\nplugins = "plugins/"\n'))
    with UDPClient("127.0.0.1", port_of(program)) as client:
        client.send(Message.of("/x"))
    program.wait_for("sent /x")
    assert program.stop() == 0
    assert text in program.output
    if "failed" in text:
        assert f"{text} ({file}:18)" in program.output


CANCELLING = """
import asyncio
import oscbridge

class Cancelling(oscbridge.Endpoint):
    async def connect(self):
        await cancel_all("connect")

    async def send(self, message):
        print("sent", message.address, flush=True)
        await cancel_all("send")

    async def close(self):
        await cancel_all("close")

async def cancel_all(where):
    if where == {where!r}:
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(0)

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"cancelling": Cancelling}}
"""
CANCELLED = """
[bridge.late]
listen = "udp://127.0.0.1:{port}"
on_start = "retry"
[run]
plugins = "plugins/"
watch = true
"""


@pytest.mark.parametrize("where", ["connect", "send", "close"])
def test_plugin_that_cancels_all_tasks_does_not_end_the_bridge(
    where: str, start: Start, write: Write, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir(mode=0o700)
    write(CANCELLING.format(where=where), "plugins/cancelling.py")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = BRIDGE + ROUTE.replace('"osc"\nto = "udp://127.0.0.1:9"', '"cancelling"')
        config = config.replace('function = "mine:function"\n', "")
        config += CANCELLED.format(port=taken.getsockname()[1])
        program = start("run", write(config))
        program.wait_for("Ctrl-C stops it")
        with UDPClient("127.0.0.1", program.port("stage")) as client:
            for address in ("/x", "/y"):
                client.send(Message.of(address))
                program.wait_for(f"sent {address}")
    program.wait_for("bridge.late: listening on")  # it is tried again all the same
    write(config.replace("[bridge.late]", "[bridge.other]"))
    program.wait_for("reloaded .*: added bridge.other")  # the file is still watched
    assert call("health").stdout == "ready\n"
    assert program.stop() == 0
    assert "a plugin has cancelled the bridge, which continues" in program.output
    text = "the checks once per second ended: CancelledError; they continue"
    assert text in program.output or where == "close"


RELOADED = """
import asyncio
import oscbridge

class Cancelling(oscbridge.Endpoint, oscbridge.Reconfigurable):
    async def send(self, message):
        print("sent", message.address, flush=True)

    def update(self, options):
        asyncio.current_task().cancel()
        return True

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"cancelling": Cancelling}
"""


def test_plugin_that_cancels_a_reload_has_it_rejected(
    start: Start, write: Write, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir(mode=0o700)
    write(RELOADED, "plugins/cancelling.py")
    config = BRIDGE + ROUTE.replace('"osc"\nto = "udp://127.0.0.1:9"', '"cancelling"')
    config = config.replace('function = "mine:function"\n', "")
    program = start("run", write(f'{config}[run]\nplugins = "plugins/"\n'))
    port = port_of(program)
    for _ in range(2):
        reloaded = call("reload")
        assert reloaded.returncode == 1
        assert "a plugin has cancelled the reload" in reloaded.stderr
    with UDPClient("127.0.0.1", port) as client:
        client.send(Message.of("/x"))
        program.wait_for("sent /x")
    assert program.stop() == 0


def test_hangup_during_the_start_waits_until_it_has_started(start: Start, write: Write) -> None:
    write(
        "import os, signal\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "def function(message):\n    pass\n",
        "mine.py",
    )
    program = start("run", write(BRIDGE + ROUTE))
    program.wait_for("reloaded .*: nothing changed")
    assert program.stop() == 0


def test_hangups_during_a_stop_do_not_cut_it_short(start: Start, write: Write) -> None:
    write("import time\ndef function(message):\n    time.sleep(0.3)\n", "mine.py")
    program = start("run", write(BRIDGE.replace('0"', '0"\nmode = "blocking"') + ROUTE))
    with UDPClient("127.0.0.1", port_of(program)) as client:
        client.send(Message.of("/x"))
    program.process.send_signal(signal.SIGTERM)
    program.wait_for("stopping")
    for _ in range(5):
        program.process.send_signal(signal.SIGHUP)
    assert program.ended() == 0
    assert "reloaded" not in program.output


@pytest.mark.parametrize("where", ["/dev/full", "a pipe without a reader"])
def test_banner_that_cannot_be_printed_is_harmless(
    where: str, environment: dict[str, str], write: Write, call: Call
) -> None:
    if where == "/dev/full":
        stdout = os.open(where, os.O_WRONLY)
    else:
        read, stdout = os.pipe()
        os.close(read)
    program = subprocess.Popen(
        [PROGRAM, "run", write(BRIDGE)], stdout=stdout, stderr=subprocess.PIPE, env=environment
    )
    os.close(stdout)
    try:
        deadline = time.monotonic() + 30
        while call("reload").returncode:
            assert program.poll() is None
            assert time.monotonic() < deadline
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=15)
        assert program.returncode == 0
        assert errors.count(b"\n") == errors.count(b"nothing changed") == 1
    finally:
        program.kill()
        program.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&- 2>&-", "2>&-", "<&-"])
def test_closed_standard_streams_are_opened_on_the_null_device(
    closed: str, environment: dict[str, str], write: Write, call: Call
) -> None:
    file = write(BRIDGE.replace('0"', '0"\nmode = "forking"') + ROUTE)
    write("def function(message):\n    print('here', flush=True)\n", "mine.py")
    null = subprocess.DEVNULL
    command = ["sh", "-c", f'exec "$0" "$@" {closed}', PROGRAM, "run", file]
    program = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, env=environment)
    try:
        deadline = time.monotonic() + 30
        while call("reload").returncode:
            assert program.poll() is None
            assert time.monotonic() < deadline
        processes = [program.pid, *children_of(program.pid)]
        assert len(processes) == 2
        for process in processes:
            streams = [target(process, number) for number in (1, 2)]
            assert streams == ["/dev/null", "/dev/null"]
        assert target(program.pid, 0) == "/dev/null"
        program.send_signal(signal.SIGTERM)
        assert program.wait(15) == 0
    finally:
        program.kill()
        program.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("buffering", ["", "1"])
@pytest.mark.parametrize("command", ["check", "--help", "plugins"])
def test_output_on_a_full_disk_is_one_error(
    command: str, buffering: str, environment: dict[str, str], write: Write
) -> None:
    arguments = [PROGRAM, command, *([write(BRIDGE)] if command == "check" else [])]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            arguments,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHONUNBUFFERED": buffering},
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == "error: cannot write the output: No space left on device\n"


def target(process: int, descriptor: int) -> str:
    return str(Path(f"/proc/{process}/fd/{descriptor}").readlink())


def children_of(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(each) for each in text.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_bridge_with_a_websocket_endpoint_has_loaded_no_openssl_and_no_json(
    start: Start, write: Write
) -> None:
    endpoint = '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n'
    program = start("run", write(BRIDGE + endpoint))
    port_of(program)
    lines = Path(f"/proc/{program.process.pid}/maps").read_text().splitlines()
    loaded = {Path(line.split()[-1]).name.partition(".")[0] for line in lines}
    assert "_pydantic_core" in loaded
    unused = {"_ssl", "libssl", "_hashlib", "libcrypto", "orjson", "_sqlite3", "_http_parser"}
    assert not loaded & unused
