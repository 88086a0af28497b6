"""A bridge on a thread of its own, for tests that are not coroutines."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from oscbridge.bridge.reload import Changes
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message
from oscbridge.status.status import BridgeStatus, EndpointStatus, Status
from oscbridge.testing.bridge import RunningBridge, running_bridge
from oscbridge.testing.recording_endpoint import RecordingEndpoint
from oscbridge.testing.waiting import POLL_INTERVAL

__all__ = ["BridgeThread", "new_recorder"]

START_TIMEOUT: Final = 30.0
"""Seconds for a bridge to start, and to stop."""

_ResultT = TypeVar("_ResultT")


class BridgeThread:
    """A bridge with this configuration, ready; see :func:`oscbridge.testing.running_bridge`.

    Raises what that raises. ``recorder`` gets what all endpoints of type ``recording`` are sent,
    as well.
    """

    def __init__(
        self,
        text: str,
        types: Mapping[str, type[AnyEndpoint]] | None = None,
        *,
        installed: bool = True,
        record: Collection[str] = (),
        recorder: RecordingEndpoint | None = None,
    ) -> None:
        if recorder is not None:
            types = {"recording": _recording_for(recorder), **(types or {})}
        self._arguments = text, types, installed, record
        self._bridge: RunningBridge | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._error: BaseException | None = None
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT):
            raise AssertionError(f"the bridge does not start within {START_TIMEOUT:g} s")
        self._raise_error()

    # --- messages ----------------------------------------------------------------------------

    def send(self, bridge: str, *messages: Message) -> None:
        """Send messages to a bridge of the configuration, each in a packet of its own."""
        self._running.send(bridge, *messages)

    def offer(self, endpoint: str, *messages: Message) -> None:
        """Put messages into an endpoint's send queue, past all routes."""
        self.call(lambda: self._running.offer(endpoint, *messages))

    def recorded(self, name: str, count: int, seconds: float = 10.0) -> list[Message]:
        """The messages that an endpoint of type ``recording`` was sent, once there are ``count``.

        Raises ``AssertionError`` after ``seconds``.
        """
        return self._running.recording(name).wait(count, seconds)

    def received(self, endpoint: str, seconds: float = 10.0) -> Message:
        """The next message received from an endpoint of ``record``.

        Raises ``AssertionError`` after ``seconds``.
        """

        async def receive() -> Message:
            async with asyncio.timeout(seconds):
                return await self._running.received(endpoint).get()

        try:
            return self.wait_for(receive())
        except TimeoutError:
            raise AssertionError(f"no message from {endpoint!r} within {seconds:g} s") from None

    # --- what can be observed ----------------------------------------------------------------

    @property
    def log(self) -> list[str]:
        """The lines that the bridge has logged: ``WARNING oscbridge.endpoint.desk: ...``."""
        return self._running.log

    def endpoint(self, name: str) -> AnyEndpoint:
        """An endpoint of the configuration; its methods belong on the thread of the bridge."""
        return self._running.endpoint(name)

    def url(self, name: str) -> OSCURL:
        """Where a bridge of the configuration listens, with the port that the system chose."""
        return self._running.url(name)

    def status(self) -> Status:
        """The state and the counters of all parts."""
        return self.call(self._running.status)

    def endpoint_status(self, name: str) -> EndpointStatus:
        """The state and the counters of an endpoint."""
        return self.call(lambda: self._running.endpoint_status(name))

    def bridge_status(self, name: str) -> BridgeStatus:
        """The state and the counters of a bridge."""
        return self.call(lambda: self._running.bridge_status(name))

    def metrics(self) -> str:
        """The page for Prometheus, as text."""
        return self.call(self._running.metrics)

    def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for a condition. Raises ``AssertionError`` with the log after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                log = "\n".join(self.log[-20:])
                raise AssertionError(f"nothing of the kind in {seconds:g} s; the log:\n{log}")
            time.sleep(POLL_INTERVAL)

    # --- its thread --------------------------------------------------------------------------

    def call(self, function: Callable[[], _ResultT]) -> _ResultT:
        """Call a function on the thread of the bridge. Returns what it returns."""

        async def call() -> _ResultT:
            return function()

        return self.wait_for(call())

    def wait_for(self, awaitable: Awaitable[_ResultT]) -> _ResultT:
        """Run a coroutine on the thread of the bridge. Returns what it returns."""

        async def run() -> _ResultT:
            return await awaitable

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(START_TIMEOUT)

    def reload(self, text: str) -> Changes:
        """Reload with another configuration. Raises what makes it invalid."""
        return self.wait_for(self._running.reload(text))

    def stop(self) -> None:
        """Stop it. Raises ``AssertionError`` if its counters do not add up."""
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(stopping.set)
        self._thread.join(START_TIMEOUT)
        if self._thread.is_alive():
            raise AssertionError(f"the bridge does not stop within {START_TIMEOUT:g} s")
        self._raise_error()

    @staticmethod
    def stop_all(bridges: Sequence[BridgeThread]) -> None:
        """Stop bridges, the last one first, all of them even if one raises an error."""
        if not bridges:
            return
        try:
            bridges[-1].stop()
        finally:
            BridgeThread.stop_all(bridges[:-1])

    @property
    def _running(self) -> RunningBridge:
        assert self._bridge is not None
        return self._bridge

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        text, types, installed, record = self._arguments
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        async with running_bridge(text, types, installed=installed, record=record) as bridge:
            self._bridge = bridge
            self._ready.set()
            await self._stopping.wait()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


def new_recorder() -> RecordingEndpoint:
    """An endpoint that belongs to no bridge."""
    return RecordingEndpoint("recording", Options())


def _recording_for(recorder: RecordingEndpoint) -> type[RecordingEndpoint]:
    """A type of endpoints that pass on to ``recorder`` what they record."""

    class Passing(RecordingEndpoint):
        async def send_batch(self, messages: Sequence[Message]) -> None:
            await super().send_batch(messages)
            recorder.messages += messages

    return Passing
