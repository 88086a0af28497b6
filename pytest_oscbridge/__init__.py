"""Fixtures for tests of plugins, which pytest finds by itself where oscbridge is installed.

This module imports nothing of oscbridge, and neither do the fixtures until a test uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from oscbridge.testing import BridgeThread, FakeClock, RecordingEndpoint


@pytest.fixture
def oscbridge_bridge(
    recording_endpoint: RecordingEndpoint,
) -> Iterator[Callable[..., BridgeThread]]:
    """Starts bridges: ``bridge = oscbridge_bridge(CONFIGURATION)``.

    CONFIGURATION is TOML text; a mapping after it has endpoint types that are not installed. The
    bridge runs on a thread of its own until the end of the test, so the test needs no plugin for
    coroutines: ``bridge.send("stage", message)``, ``bridge.recorded("seen", 1)``,
    ``bridge.until(condition)``. At its end all counters must add up. See
    oscbridge.testing.BridgeThread.
    """
    from oscbridge.testing import BridgeThread

    started: list[BridgeThread] = []

    def start(text: str, types: object = None, **options: object) -> BridgeThread:
        bridge = BridgeThread(text, types, recorder=recording_endpoint, **options)  # type: ignore[arg-type]
        started.append(bridge)
        return bridge

    yield start
    BridgeThread.stop_all(started)


@pytest.fixture
def recording_endpoint() -> RecordingEndpoint:
    """Records what all endpoints with ``type = "recording"`` of ``oscbridge_bridge`` are sent.

    ``recording_endpoint.wait(2)`` returns the messages once there are two, and
    ``recording_endpoint.messages`` has those that are there.
    """
    from oscbridge.testing import new_recorder

    return new_recorder()


@pytest.fixture
def free_port() -> int:
    """The number of a port that nothing uses, UDP and TCP, for what cannot listen on port 0."""
    from oscbridge.testing import free_port

    return free_port()


@pytest.fixture
def fake_clock() -> Iterator[FakeClock]:
    """A clock, and an event loop that goes by it: no time passes while a test waits.

    ``fake_clock.run(coroutine)`` runs a coroutine on that loop, where ``asyncio.sleep(3600)``
    takes no time; ``fake_clock()`` is the time in seconds; ``fake_clock.advance(60)`` runs all
    timers of the next minute. The loop has no sockets.
    """
    from oscbridge.testing import FakeClock

    clock = FakeClock()
    yield clock
    clock.close()
