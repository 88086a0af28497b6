"""The whole process: reloads, rejected reloads, and a stop that nothing delays."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from ports import free_port

from oscbridge import ConfigurationError, Endpoint, Message, OSCBridgeError
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.monitoring import runtime_dir, service
from oscbridge.monitoring.service import Service
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import until

BRIDGE = '[bridge.{}]\nlisten = "udp://127.0.0.1:0"\n'


class Slow(Endpoint):
    """Connects when :attr:`gate` is set."""

    gate = asyncio.Event()
    asked = asyncio.Event()

    async def connect(self) -> None:
        self.asked.set()
        await self.gate.wait()

    async def send(self, message: Message) -> None:
        pass


SLOW = '[endpoint.slow]\ntype = "slow"\n'


class File:
    """Replaces the configuration file."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reads = 0
        self.before: Callable[[], None] = lambda: None

    def read(self) -> Configuration:
        self.reads += 1
        self.before()
        return parse(self.text, {"slow": Slow}, "show.toml")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a short path, as sockets require."""
    with TemporaryDirectory(prefix="osc") as path:
        monkeypatch.setenv(runtime_dir.VARIABLE, path)
        yield Path(path)


@pytest.fixture(autouse=True)
def gate(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    monkeypatch.setattr(Slow, "gate", asyncio.Event())
    monkeypatch.setattr(Slow, "asked", asyncio.Event())
    return Slow.gate


def make(file: File) -> Service:
    return Service(App(file.read(), Plugins([])), file.read, "show.toml")


@asynccontextmanager
async def running(file: File) -> AsyncIterator[Service]:
    process = make(file)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


def bridges(process: Service) -> list[str]:
    return list(process.app.listeners)


# --- timing ----------------------------------------------------------------------------------


async def test_reload_requested_during_a_reload_runs_afterwards(
    gate: asyncio.Event,
) -> None:
    file = File(BRIDGE.format("a"))
    async with running(file) as process:
        file.text += SLOW
        process.request_reload()
        await until(lambda: Slow.asked.is_set())
        file.text = BRIDGE.format("late")
        for _ in range(100):
            process.request_reload()
        await until(lambda: bridges(process) == ["late"])
        assert file.reads == 3


async def test_reload_requested_during_the_start_runs_afterwards(gate: asyncio.Event) -> None:
    file = File(BRIDGE.format("a") + SLOW)
    process = make(file)
    starting = asyncio.create_task(process.start())
    await Slow.asked.wait()
    file.text = BRIDGE.format("b") + SLOW
    process.request_reload()
    await asyncio.sleep(0)
    gate.set()
    await starting
    await until(lambda: bridges(process) == ["b"])
    await process.stop()


async def test_reload_requested_during_the_stop_is_not_run() -> None:
    file = File(BRIDGE.format("a"))
    async with running(file) as process:
        stopping = asyncio.create_task(process.stop())
        await asyncio.sleep(0)
        file.text = BRIDGE.format("b")
        process.request_reload()
        with pytest.raises(OSCBridgeError, match="the bridge is stopping"):
            await process.reload()
        await stopping
        assert (bridges(process), file.reads) == ([], 1)


async def test_stop_ends_a_waiting_reload(gate: asyncio.Event) -> None:
    file = File(BRIDGE.format("a"))
    async with running(file) as process:
        file.text += SLOW
        process.request_reload()
        await Slow.asked.wait()
        began = time.monotonic()
        await process.stop()
        assert time.monotonic() - began < 2
        assert bridges(process) == []


# --- rejected reloads ------------------------------------------------------------------------


async def test_empty_file_is_rejected_as_half_written() -> None:
    file = File(BRIDGE.format("a"))
    async with running(file) as process:
        file.text = ""
        with pytest.raises(
            ConfigurationError, match=r"show\.toml: it contains neither a bridge nor"
        ):
            await process.reload()
        assert bridges(process) == ["a"]


async def test_file_that_cannot_be_read_in_time_is_rejected_and_later_ones_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "READ_TIMEOUT", 0.05)
    monkeypatch.setattr(service, "MAX_READING", 2)
    file, disk = File(BRIDGE.format("a")), threading.Event()
    async with running(file) as process:
        file.before = disk.wait
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="cannot be read within"):
                await process.reload()
        with pytest.raises(ConfigurationError, match="the last 2 attempts to read it"):
            await process.reload()
        disk.set()
        monkeypatch.setattr(service, "READ_TIMEOUT", 10.0)
        file.text = BRIDGE.format("b")
        async with asyncio.timeout(20):
            while bridges(process) != ["b"]:
                with suppress(ConfigurationError):  # earlier reads have not ended
                    await process.reload()
                await asyncio.sleep(0.001)


async def test_unreadable_file_does_not_delay_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    file, disk = File(BRIDGE.format("a")), threading.Event()
    async with running(file) as process:
        file.before = disk.wait
        process.request_reload()
        await until(lambda: file.reads == 2)
    disk.set()


async def test_internal_error_rejects_a_reload_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = File(BRIDGE.format("a"))

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    async with running(file) as process:
        file.before = fail
        with pytest.raises(OSCBridgeError, match="ZeroDivisionError"):
            await process.reload()
        process.request_reload()
        await until(lambda: caplog.text.count("failed with ZeroDivisionError('a bug')") == 2)


# --- HTTP moves ------------------------------------------------------------------------------


HTTP = '[http]\nlisten = "127.0.0.1:{}"\n[bridge.a]\nlisten = "tcp://127.0.0.1:{}"\n'


async def test_http_and_a_bridge_can_swap_ports() -> None:
    one, other = free_port(), free_port()
    file = File(HTTP.format(one, other))
    async with running(file) as process:
        file.text = HTTP.format(other, one)
        changes = await process.reload()
        assert changes.problems == ()
        assert process.http_address == f"http://127.0.0.1:{other}"
        assert process.app.listeners["a"].address.port == one


async def test_next_reload_retries_http_that_could_not_be_served() -> None:
    port = free_port()
    bridge = f'[bridge.a]\nlisten = "tcp://127.0.0.1:{port}"\n'
    file = File(bridge)
    async with running(file) as process:
        file.text = f'[http]\nlisten = "0.0.0.0:{port}"\n' + BRIDGE.format("a")
        with socket.socket() as other:
            other.bind(("127.0.0.2", port))
            other.listen()
            (problem,) = (await process.reload()).problems
            assert problem.startswith(f"http: 0.0.0.0:{port}: address already in use")
            assert process.http_address == ""
        assert (await process.reload()).problems == ()
        assert process.http_address == f"http://0.0.0.0:{port}"


async def test_rejected_reload_keeps_the_http_address() -> None:
    one, other = free_port(), free_port()
    file = File(HTTP.format(one, 0))
    async with running(file) as process:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            file.text = HTTP.format(other, taken.getsockname()[1])
            taken.listen()
            with pytest.raises(OSCBridgeError, match="address already in use"):
                await process.reload()
        assert process.http_address == f"http://127.0.0.1:{one}"


# --- once per second -------------------------------------------------------------------------


async def test_events_are_kept_after_a_plugin_has_removed_all_log_handlers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(service, "LOOK_INTERVAL", 0.02)
    monkeypatch.setattr(root, "handlers", [*root.handlers])
    async with running(File(BRIDGE.format("a"))) as process:
        events = process.operations.events
        root.handlers.remove(events)
        events.setLevel(logging.CRITICAL)
        events.addFilter(lambda _: False)
        await until(lambda: events in root.handlers)
        logging.getLogger("oscbridge.endpoint.lamp").error("no bulb")
        assert "no bulb" in [each.text for each in events.after()]
    assert events not in root.handlers


@pytest.mark.parametrize("does", ["cancel", "fail"])
async def test_checks_once_per_second_continue_after_a_failure(
    does: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "LOOK_INTERVAL", 0.02)
    async with running(File(BRIDGE.format("a"))) as process:
        looked = 0
        flush = process.app.flush_reports

        def look(*, everything: bool = False) -> None:
            nonlocal looked
            looked += 1
            if looked == 1 and does == "fail":
                raise OSError("the disk has gone")
            flush(everything=everything)

        monkeypatch.setattr(process.app, "flush_reports", look)
        if does == "cancel":
            assert process._looking is not None
            process._looking.cancel()
        await until(lambda: looked >= 3)
    name = "CancelledError" if does == "cancel" else "OSError"
    (line,) = [each for each in caplog.records if "once per second" in each.getMessage()]
    assert line.getMessage().startswith(f"the checks once per second ended: {name}")
    assert process._looking is not None
    assert process._looking.done()
