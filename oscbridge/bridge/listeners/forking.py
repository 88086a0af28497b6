"""The bridge process's side of a forking bridge: its listener process, and what that says."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import sysconfig
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, cast

import oscbridge
from oscbridge.bridge.configuration.options import BridgeOptions
from oscbridge.bridge.listeners.records import (
    LINK_TYPE,
    MAX_RECORD,
    STOP,
    Counted,
    Dropped,
    Emission,
    Failed,
    Ready,
    add_counts,
    read_record,
)
from oscbridge.bridge.routes.route import Tail
from oscbridge.bridge.routes.steps import RouteSpec
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import DecodeError
from oscbridge.handler import ClientAddress
from oscbridge.report import Reporter

__all__ = ["ForkedListener", "RoutePair"]

START_TIMEOUT: Final = 10.0
"""Seconds that a listener process is given to listen."""

STOP_TIMEOUT: Final = 0.8
"""Seconds that it is given to end when the bridge stops; then it is killed."""

FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 10.0
"""Seconds before a listener process that died is replaced; doubled each time."""

BATCH: Final = 256
"""Records that are read before the loop looks at anything else."""

REST: Final = 100_000
"""Records that are read from a link whose other end is gone; it cannot hold as many."""

_PROGRAM: Final = "oscbridge.bridge.listeners.listener_process"

_log: Final = logging.getLogger(__name__)


class RoutePair(NamedTuple):
    """A route in its two halves: what the children run, and what the bridge process does."""

    spec: RouteSpec
    tail: Tail


class ForkedListener:
    """Keeps a listener process running, and takes in what comes out of its routes.

    If the process dies, :attr:`problem` says so until another listens. What is counted
    there is added to the dispatcher's statistics here.
    """

    def __init__(
        self,
        name: str,
        options: BridgeOptions,
        dispatcher: Dispatcher,
        routes: Sequence[RoutePair],
    ) -> None:
        self.address = options.listen
        self.problem = "not started"
        self.drops: Counter[str] = Counter()
        """Messages that did not come through, by reason."""
        self._name = name
        self._options = options
        self._dispatcher = dispatcher
        self._routes = routes
        self._reporter = Reporter(_log)
        self._loop = asyncio.get_running_loop()
        self._link: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[Ready | Failed] = self._loop.create_future()
        self._paused = False

    @property
    def pid(self) -> int | None:
        """The listener process, if there is one."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process and wait until it listens. Raises ``OSError`` if it cannot."""
        try:
            await self._spawn()
        except BaseException:
            await self._end()
            raise
        self._watch = self._loop.create_task(self._keep(), name=f"bridge.{self._name}")

    async def stop(self) -> bool:
        """Have the children finish, within a time-out, and end the process."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        self._paused = False
        return await self._end()

    def pause(self, on: bool) -> None:
        """Leave what comes in the link: the children wait, then the socket fills."""
        self._paused = on
        self._read_or_not()

    # --- the process -------------------------------------------------------------------------

    async def _spawn(self) -> None:
        self._answer = self._loop.create_future()
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
                pass_fds=[far.fileno()],
                stdin=asyncio.subprocess.PIPE,
                env=_environment(),
                process_group=0,
            )
        self._loop.add_reader(self._link, self._read)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._hand_over(cast(asyncio.StreamWriter, self._process.stdin))
                answer = await self._answer
        except TimeoutError:
            text = f"the listener process did not answer within {START_TIMEOUT:g} s"
            raise TimeoutError(text) from None
        if isinstance(answer, Failed):
            raise answer.error()
        self.address = self._options.listen._replace(port=answer.port)
        self.problem = ""
        self._read_or_not()

    async def _hand_over(self, stdin: asyncio.StreamWriter) -> None:
        # Again on the port that it had, so that a replacement is found there.
        listen = self._options.listen._replace(port=self.address.port)
        settings = {
            "name": self._name,
            "listen": str(listen),
            "interface": self._options.interface,
            "workers": self._options.workers,
            "routes": [pair.spec.as_dict() for pair in self._routes],
            "plugins": self._dispatcher.is_mapped,
            "path": sys.path,
            "level": _log.getEffectiveLevel(),
        }
        stdin.write(json.dumps(settings).encode())
        with suppress(ConnectionError):  # it has ended, which the link says as well
            await stdin.drain()
        stdin.close()

    async def _keep(self) -> None:
        """Replace the process whenever it dies."""
        wait = FIRST_WAIT
        while True:
            assert self._process is not None
            began = self._loop.time()
            code = await self._process.wait()
            self.problem = f"its listener process {_how_it_ended(code)}"
            _log.error("bridge.%s: %s; starting another", self._name, self.problem)
            if self._loop.time() - began > LONGEST_WAIT:
                wait = FIRST_WAIT
            while self.problem:
                await self._end()
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
                try:
                    await self._spawn()
                except Exception as error:
                    self.problem = f"no listener process: {error}"
                    self._reporter.report("spawn", f"bridge.{self._name}: {self.problem}")
            _log.info("bridge.%s: listens again on %s", self._name, self.address)

    async def _end(self) -> bool:
        """End the process; kill it and its children if they do not heed that."""
        in_time = True
        process, link = self._process, self._link
        if process is not None and process.returncode is None:
            if link is not None:
                with suppress(OSError):
                    link.send(STOP)
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    self._read_or_not(reading=True)
                    await process.wait()
            except TimeoutError:
                in_time = False
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        self._process = self._link = None
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
            self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        try:
            match read_record(data):
                case Emission() as emission:
                    self._deliver(emission)
                case Dropped(reason, count, text):
                    self._dropped(reason, count, text or _WHY.get(reason, reason))
                case Counted(counts):
                    add_counts(self._dispatcher.statistics, counts)
                case Ready() | Failed() as answer if not self._answer.done():
                    self._answer.set_result(answer)
        except DecodeError as error:
            self._dropped("record", 1, str(error))

    def _dropped(self, reason: str, count: int, why: str) -> None:
        self.drops[reason] += count
        messages = "1 message" if count == 1 else f"{count} messages"
        level = logging.ERROR if reason == "function" else logging.WARNING
        self._reporter.report(reason, f"bridge.{self._name}: {messages} lost: {why}", level=level)

    def _deliver(self, emission: Emission) -> None:
        number, message, captures = emission
        if number >= 0:
            if number >= len(self._routes):
                raise DecodeError("record", f"there is no route {number}")
            self._routes[number].tail.out(captures)(message)
            return
        peer = None if message.origin is None else message.origin.peer
        client = cast(ClientAddress, peer if isinstance(peer, tuple) else ("", 0))
        statistics = self._dispatcher.statistics
        counted = statistics.messages, statistics.unmatched  # there already
        self._dispatcher.dispatch_message(message, client, _no_reply)
        statistics.messages, statistics.unmatched = counted


_WHY: Final = {
    "child": "the process that handled it ended before its time",
    "encode": "what a route made of it cannot be encoded",
    "oversize": f"what a route made of it is larger than {MAX_RECORD} bytes",
}
"""Reasons to drop messages, in words."""


def _environment() -> dict[str, str]:
    """Ours, in which this package can be found wherever it was found here."""
    home = str(Path(oscbridge.__file__).parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    # What is installed is found anyway, and must not come before the standard library.
    if home != sysconfig.get_path("purelib"):
        path = os.pathsep.join(filter(None, (path, home)))
    return {**os.environ, "PYTHONPATH": path}


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _no_reply(_client: object, _result: object) -> None:
    """The child that could answer is gone."""
