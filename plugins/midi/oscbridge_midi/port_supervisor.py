"""The bridge's hold on the process that has the MIDI ports of an endpoint."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import oscbridge
from oscbridge_midi import port_protocol
from oscbridge_midi.port_names import AmbiguousPort, PortNotFound

__all__ = ["PortSupervisor"]

TURN: Final = 256
"""Messages that came in after which others have their turn on the loop."""

MAX_SENT: Final = 1 << 14
"""Bytes of messages that are sent at once; the rest when these are done."""

END_TIMEOUT: Final = 0.1
"""Seconds for the process to end when it has nothing left to do; then it is killed."""

MAX_LINE: Final = 1_024
"""Bytes of a line that drivers print which are told."""

_PROGRAM: Final = "oscbridge_midi.port_worker"

_FAULTS: Final[dict[str, type[oscbridge.EndpointError]]] = {
    each.__name__: each for each in (PortNotFound, AmbiguousPort)
}


class PortSupervisor:
    """A process with MIDI ports: started, asked, heard and ended.

    ``hear`` is called with each message that comes in and its Unix time, ``on_full`` with
    how many there was no room for, and ``on_end`` with the reason when it ends by itself.
    """

    def __init__(
        self,
        hear: Callable[[bytes, int], None],
        on_full: Callable[[int], None],
        on_end: Callable[[Exception], None],
        log: logging.Logger,
    ) -> None:
        self._hear = hear
        self._on_full = on_full
        self._on_end = on_end
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._answers: deque[asyncio.Future[Any]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._why = ""
        self._ended: oscbridge.NotConnected | None = None

    async def start(self) -> None:
        """Raises ``OSError``."""
        # -P: the working directory may hold a json.py. A group of its own: Ctrl-C is for the
        # bridge, which then says what is to be done.
        own_group = {"process_group": 0} if os.name == "posix" else {}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            **own_group,  # type: ignore[arg-type]
        )
        for reading, name in ((self._read(), "MIDI ports"), (self._listen(), "MIDI drivers")):
            self._tasks.append(asyncio.create_task(reading, name=name))

    async def call(self, what: str, **arguments: object) -> Any:
        """Have it do something; what came of it. Raises :class:`oscbridge.EndpointError`."""
        return await self._ask(port_protocol.CALL, json.dumps([what, arguments]).encode())

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, in order. Raises :class:`oscbridge.EndpointError`."""
        some: list[bytes] = []
        size = 0
        for data in messages:
            some.append(data)
            size += len(data)
            if size > MAX_SENT:
                await self._ask(port_protocol.MESSAGES, port_protocol.pack(some))
                some, size = [], 0
        if some:
            await self._ask(port_protocol.MESSAGES, port_protocol.pack(some))

    async def end(self) -> None:
        """End it: by itself, or else by force."""
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

    async def _ask(self, kind: bytes, payload: bytes) -> Any:
        if self._ended is not None:
            raise self._ended
        process = self._process
        if process is None:
            raise oscbridge.NotConnected("the ports are not open")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)  # answers come in the order of the questions
        stdin = cast(asyncio.StreamWriter, process.stdin)
        stdin.write(port_protocol.frame(kind, payload))
        return await answer

    async def _read(self) -> None:
        """Take what it says until it ends."""
        process = self._process
        assert process is not None
        stdout = cast(asyncio.StreamReader, process.stdout)
        count = 0
        with suppress(asyncio.IncompleteReadError):
            while True:
                kind, length = port_protocol.HEADER.unpack(
                    await stdout.readexactly(port_protocol.HEADER.size)
                )
                self._take(kind, await stdout.readexactly(length))
                count += 1
                if count % TURN == 0:
                    await asyncio.sleep(0)  # reading need not have waited
        self._ended = oscbridge.NotConnected(self._why or _how_it_ended(await process.wait()))
        self._on_end(self._ended)
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(self._ended)
        self._answers.clear()

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == port_protocol.HEARD:
            self._hear(*port_protocol.read_heard(payload))
        elif kind == port_protocol.FULL:
            self._on_full(json.loads(payload))
        elif kind == port_protocol.GONE:
            self._why = json.loads(payload)
        else:
            answer = self._answers.popleft()
            if answer.done():
                pass  # whoever asked did not wait for it
            elif kind == port_protocol.RESULT:
                answer.set_result(json.loads(payload))
            else:
                name, text = json.loads(payload)
                answer.set_exception(_FAULTS.get(name, oscbridge.EndpointError)(text))

    async def _listen(self) -> None:
        """Tell what drivers print: they do so on a path of their own, a line or several."""
        process = self._process
        assert process is not None
        stderr = cast(asyncio.StreamReader, process.stderr)
        rest = b""
        while data := await stderr.read(MAX_LINE):
            *lines, rest = (rest[-MAX_LINE:] + data).split(b"\n")
            for line in lines:
                self._log.debug("the MIDI system says: %s", line.decode(errors="replace").rstrip())


def _environment() -> dict[str, str]:
    """Ours, in which these packages can be found wherever they were found here."""
    specs = [importlib.util.find_spec(name) for name in ("oscbridge_midi", "oscbridge")]
    homes = [str(Path(spec.origin).parent.parent) for spec in specs if spec and spec.origin]
    # What is installed is found anyway, and must not come before the standard library.
    paths = [home for home in homes if home != sysconfig.get_path("purelib")]
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), *paths)))
    return {**os.environ, "PYTHONPATH": path}


def _how_it_ended(code: int) -> str:
    if hasattr(signal, "SIGALRM") and code == -signal.SIGALRM:
        return "the MIDI system hangs: it did not answer in time"
    return f"the process that has the ports ended with exit code {code}"
