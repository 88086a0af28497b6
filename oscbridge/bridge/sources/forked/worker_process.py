"""The bridge process's hold on one listener process: from its start to its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias, cast

from oscbridge.bridge.sources.forked.ipc_protocol import (
    LINK_TYPE,
    MAX_RECORD,
    RETIRE,
    STOP,
    Alive,
    Counted,
    DroppedRecord,
    Emission,
    Failed,
    Left,
    Ready,
    read_record,
)
from oscbridge.child_process import child_environment
from oscbridge.errors import DecodeError

__all__ = ["News", "WorkerProcess"]

START_TIMEOUT: Final = 10.0
"""Seconds that a listener process is given to listen."""

STOP_TIMEOUT: Final = 0.8
"""Seconds that it is given to end when the bridge stops; then it is killed."""

FINISH_TIMEOUT: Final = 5.0
"""Seconds that one which is replaced is given to finish what it has taken in."""

BATCH: Final = 256
"""Records that are read before the loop looks at anything else."""

REST: Final = 100_000
"""Records that are read from a link whose other end is gone; it cannot hold as many."""

_PROGRAM: Final = "oscbridge.bridge.sources.forked.worker_main"

News: TypeAlias = Emission | DroppedRecord | Counted | Left
"""What a listener process has to say while it listens."""


class WorkerProcess:
    """A listener process, and the link to it.

    ``take`` is called on the loop with what it says; what that makes ``DecodeError`` of, and
    what is no record, comes back to it as a ``DroppedRecord``.
    """

    def __init__(self, take: Callable[[News], None]) -> None:
        self.children = 0
        """Children that it has, as it said last."""
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Ready | Failed] = self._loop.create_future()
        self._link: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._paused = False

    @property
    def pid(self) -> int | None:
        """Its number, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self, settings: Mapping[str, object], descriptors: Sequence[int]) -> None:
        """Start it and wait until it listens. Raises ``OSError``, with all closed, if not.

        It inherits the ``descriptors``. The settings are made of what JSON can say.
        """
        try:
            await self._start(settings, descriptors)
        except BaseException:
            await self.end()
            raise

    async def wait(self) -> str:
        """Wait until it has ended by itself; how, in words."""
        assert self._process is not None
        return _how_it_ended(await self._process.wait())

    def pause(self, on: bool) -> None:
        """Leave what comes in the link: the children wait, then the socket fills."""
        self._paused = on
        self._read_or_not()

    async def retire(self) -> bool:
        """Have it take nothing more in, finish what it has, and end. Whether it did in time."""
        return await self._end(RETIRE, FINISH_TIMEOUT + STOP_TIMEOUT)

    async def end(self) -> bool:
        """End it; kill it and its children if they do not heed that. Whether they did."""
        return await self._end(STOP, STOP_TIMEOUT)

    async def _start(self, settings: Mapping[str, object], descriptors: Sequence[int]) -> None:
        self._link, far = socket.socketpair(socket.AF_UNIX, LINK_TYPE)
        with far:
            self._link.setblocking(False)
            for end in (self._link, far):
                for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                    end.setsockopt(socket.SOL_SOCKET, option, MAX_RECORD * 8)
            # -P: the working directory may hold a json.py. A group of its own: Ctrl-C is
            # for the bridge process, and all children can be ended together.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _PROGRAM, str(far.fileno()), str(os.getpid())),
                pass_fds=[far.fileno(), *descriptors],
                stdin=asyncio.subprocess.PIPE,
                env=child_environment(),
                process_group=0,
            )
        self._read_or_not()
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._hand_over(settings)
                answer = await self._answer
        except TimeoutError:
            text = f"the listener process did not answer within {START_TIMEOUT:g} s"
            raise TimeoutError(text) from None
        if isinstance(answer, Failed):
            raise answer.error()
        self._read_or_not()

    async def _hand_over(self, settings: Mapping[str, object]) -> None:
        assert self._process is not None
        stdin = cast(asyncio.StreamWriter, self._process.stdin)
        stdin.write(json.dumps({**settings, "finish": FINISH_TIMEOUT}).encode())
        with suppress(ConnectionError):  # it has ended, which the link says as well
            await stdin.drain()
        stdin.close()

    async def _end(self, word: bytes, seconds: float) -> bool:
        in_time = True
        process = self._process
        if process is not None and process.returncode is None:
            if self._link is not None:
                with suppress(OSError):
                    self._link.send(word)
            try:
                async with asyncio.timeout(seconds):
                    self._read_or_not(reading=True)
                    await process.wait()
            except TimeoutError:
                in_time = False
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        self._process, self.children = None, 0
        self._answer.cancel()  # nobody waits for it any more
        link, self._link = self._link, None
        if link is not None:
            self._loop.remove_reader(link)
            self._read_from(link, REST)
            link.close()
        return in_time

    # --- the link ----------------------------------------------------------------------------

    def _read_or_not(self, *, reading: bool = False) -> None:
        if self._link is None:
            return
        if reading or not self._paused or not self._answer.done():
            self._loop.add_reader(self._link, self._read)
        else:
            self._loop.remove_reader(self._link)

    def _read(self) -> None:
        """Take in what the link holds."""
        assert self._link is not None
        if not self._read_from(self._link, BATCH):
            self._loop.remove_reader(self._link)  # it is gone; its end is noticed elsewhere

    def _read_from(self, link: socket.socket, limit: int) -> bool:
        """Take in some records. False if there will be no more."""
        for _ in range(limit):
            try:
                data = link.recv(MAX_RECORD)
            except BlockingIOError:
                return True
            except OSError:
                data = b""
            if not data:
                if not self._answer.done():
                    text = "the listener process ended before it listened"
                    self._answer.set_exception(OSError(text))
                return False
            self._read_record(data)
        return True

    def _read_record(self, data: bytes) -> None:
        try:
            match read_record(data):
                case Emission() | DroppedRecord() | Counted() | Left() as news:
                    self._take(news)
                case Alive(children):
                    self.children = children
                case Ready() | Failed() as answer if not self._answer.done():
                    self._answer.set_result(answer)
        except DecodeError as error:
            self._take(DroppedRecord("record", 1, str(error)))


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
