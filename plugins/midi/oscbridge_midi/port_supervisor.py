"""Starts and supervises the worker process that owns the MIDI ports of an endpoint."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import oscbridge
from oscbridge_midi import port_protocol
from oscbridge_midi.port_names import AmbiguousPort, PortNotFound

__all__ = ["PortSupervisor"]

TURN: Final = 256
"""Frames from the worker after which other tasks get their turn."""

MAX_SENT: Final = 1 << 14
"""Bytes of messages per request; the rest follows when those are sent."""

END_TIMEOUT: Final = 0.1
"""Seconds for the worker to exit after its ports are closed; then it is killed."""

MAX_LINE: Final = 1_024
"""The length of a line printed by a driver that is logged, in bytes."""

_PROGRAM: Final = "oscbridge_midi.port_worker"

_ERRORS: Final[dict[str, type[oscbridge.EndpointError]]] = {
    each.__name__: each for each in (PortNotFound, AmbiguousPort)
}


class PortSupervisor:
    """Starts the worker, calls it, passes on what it receives, and ends it.

    ``on_message`` is called with each received message and its Unix time in nanoseconds,
    ``on_bad`` with received bytes that are not a message, ``on_overflow`` with the number of
    received messages that were dropped, and ``on_end`` with the reason when the worker ends
    unexpectedly.
    """

    def __init__(
        self,
        on_message: Callable[[bytes, int], None],
        on_bad: Callable[[oscbridge.DecodeError], None],
        on_overflow: Callable[[int], None],
        on_end: Callable[[Exception], None],
        log: logging.Logger,
    ) -> None:
        self._on_message = on_message
        self._on_bad = on_bad
        self._on_overflow = on_overflow
        self._on_end = on_end
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._results: deque[asyncio.Future[Any]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._end_reason = ""
        self._ended: oscbridge.NotConnected | None = None

    async def start(self) -> None:
        """Start the worker. Raises ``OSError``."""
        # -P: the working directory may contain a json.py. A separate process group, because
        # Ctrl-C is for the bridge, which then closes the ports.
        own_group = {"process_group": 0} if os.name == "posix" else {}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=oscbridge.child_environment("oscbridge_midi"),
            **own_group,  # type: ignore[arg-type]
        )
        for reading, name in ((self._read(), "MIDI ports"), (self._log_drivers(), "MIDI drivers")):
            self._tasks.append(asyncio.create_task(reading, name=name))

    async def call(self, function: str, **arguments: object) -> Any:
        """Call a function of the worker. Returns its result, raises its error."""
        return await self._request(port_protocol.CALL, json.dumps([function, arguments]).encode())

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages in order. Raises :class:`oscbridge.EndpointError`."""
        request: list[bytes] = []
        size = 0
        for data in messages:
            request.append(data)
            size += len(data)
            if size > MAX_SENT:
                await self._request(port_protocol.MESSAGES, port_protocol.pack_messages(request))
                request, size = [], 0
        if request:
            await self._request(port_protocol.MESSAGES, port_protocol.pack_messages(request))

    async def end(self) -> None:
        """Let the worker exit; kill it if it does not."""
        process = self._process
        if process is None:
            return
        self._on_end = lambda _error: None
        cast(asyncio.StreamWriter, process.stdin).close()
        try:
            async with asyncio.timeout(END_TIMEOUT):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        await asyncio.wait(self._tasks)

    async def _request(self, kind: bytes, payload: bytes) -> Any:
        if self._ended is not None:
            raise self._ended
        process = self._process
        if process is None:
            raise oscbridge.NotConnected("the ports are not open")
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._results.append(result)  # results arrive in the order of the requests
        stdin = cast(asyncio.StreamWriter, process.stdin)
        stdin.write(port_protocol.make_frame(kind, payload))
        return await result

    async def _read(self) -> None:
        """Handle the worker's frames until it ends."""
        process = self._process
        assert process is not None
        stdout = cast(asyncio.StreamReader, process.stdout)
        count = 0
        with suppress(asyncio.IncompleteReadError):
            while True:
                kind, length = port_protocol.HEADER.unpack(
                    await stdout.readexactly(port_protocol.HEADER.size)
                )
                self._handle(kind, await stdout.readexactly(length))
                count += 1
                if count % TURN == 0:
                    await asyncio.sleep(0)  # reads do not yield while data is buffered
        self._ended = oscbridge.NotConnected(self._end_reason or _exit_reason(await process.wait()))
        self._on_end(self._ended)
        for result in self._results:
            if not result.done():
                result.set_exception(self._ended)
        self._results.clear()

    def _handle(self, kind: bytes, payload: bytes) -> None:
        if kind == port_protocol.RECEIVED:
            self._on_message(*port_protocol.unpack_received(payload))
        elif kind == port_protocol.BAD:
            self._on_bad(oscbridge.DecodeError(*json.loads(payload)))
        elif kind == port_protocol.OVERFLOW:
            self._on_overflow(json.loads(payload))
        elif kind == port_protocol.ENDED:
            self._end_reason = json.loads(payload)
        else:
            result = self._results.popleft()
            if result.done():
                pass  # the caller was cancelled
            elif kind == port_protocol.RESULT:
                result.set_result(json.loads(payload))
            else:
                name, text = json.loads(payload)
                result.set_exception(_ERRORS.get(name, oscbridge.EndpointError)(text))

    async def _log_drivers(self) -> None:
        """Log what MIDI drivers print to standard error."""
        process = self._process
        assert process is not None
        stderr = cast(asyncio.StreamReader, process.stderr)
        rest = b""
        while data := await stderr.read(MAX_LINE):
            *lines, rest = (rest[-MAX_LINE:] + data).split(b"\n")
            for line in lines:
                self._log.debug("MIDI driver: %s", line.decode(errors="replace").rstrip())


def _exit_reason(code: int) -> str:
    if hasattr(signal, "SIGALRM") and code == -signal.SIGALRM:
        return "the MIDI system does not respond"
    return f"the MIDI port worker ended with exit code {code}"
