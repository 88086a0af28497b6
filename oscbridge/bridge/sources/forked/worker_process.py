"""The supervisor's handle of one worker process: from its start to its end."""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeAlias, cast

from oscbridge.bridge.sources.forked.child_counts import (
    HEADER,
    ChildHeader,
    ChildTallies,
    WorkerStatistics,
    add_counts,
    size_of_cells,
    unreported_children,
)
from oscbridge.bridge.sources.forked.ipc_clients import ClientRecord
from oscbridge.bridge.sources.forked.ipc_protocol import (
    MAX_RECORD,
    RETIRE,
    SOCKET_TYPE,
    STOP,
    ChildCount,
    ChildrenEnded,
    CountsRecord,
    DroppedRecord,
    Emission,
    MessagesLost,
    ReceivedPacket,
    RouteCountsRecord,
    WorkerFailed,
    WorkerReady,
    read_record,
)
from oscbridge.bridge.sources.forked.ipc_timetag import BundleEnd
from oscbridge.bridge.sources.forked.open_bundles import OpenBundles
from oscbridge.bridge.sources.forked.shared_memory import unnamed_file
from oscbridge.bridge.sources.forked.worker_settings import WorkerSettings
from oscbridge.child_process import child_environment, how_it_ended
from oscbridge.dispatch.statistics import Statistics
from oscbridge.errors import DecodeError

__all__ = ["WorkerProcess", "WorkerReport"]

START_TIMEOUT: Final = 10.0
"""Seconds for a worker to start listening."""

STOP_TIMEOUT: Final = 0.8
"""Seconds for a worker to end when the bridge stops; then it is killed."""

FINISH_TIMEOUT: Final = 5.0
"""Seconds for a replaced worker to finish the messages that it has accepted."""

BATCH: Final = 256
"""Records that are read before the loop serves others."""

REST: Final = 100_000
"""Most records that are read from the socket of an ended worker; it cannot hold as many."""

REST_TIMEOUT: Final = 0.2
"""Seconds for the children of an ended worker, which the system kills, to be gone."""

_PROGRAM: Final = "oscbridge.bridge.sources.forked.worker_main"

WorkerReport: TypeAlias = (
    Emission | DroppedRecord | CountsRecord | RouteCountsRecord | ClientRecord | MessagesLost
)
"""What a listening worker sends."""


class WorkerProcess:
    """A worker and the socket to it.

    ``on_report`` is called on the loop with each report. If it raises ``DecodeError``, or for
    data that is not a record, it is called with a ``DroppedRecord``.
    """

    def __init__(self, on_report: Callable[[WorkerReport], None]) -> None:
        self.children = 0
        """The number of its children, as it reported last."""
        self.statistics = Statistics()
        """What it and its children have counted, as they reported last."""
        self._tallies = ChildTallies()
        self._bundles = OpenBundles()
        self._on_report = on_report
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[WorkerReady | WorkerFailed] = self._loop.create_future()
        self._socket: socket.socket | None = None
        self._memory: mmap.mmap | None = None
        """What it has counted: it outlives the worker."""
        self._process: asyncio.subprocess.Process | None = None
        self._paused = False

    @property
    def pid(self) -> int | None:
        """Its process ID, while it runs."""
        return None if self._process is None else self._process.pid

    async def start(self, settings: WorkerSettings, descriptors: Sequence[int]) -> None:
        """Start it and wait until it listens.

        It inherits the ``descriptors``. Raises ``OSError`` after closing everything again.
        """
        try:
            await self._start(settings, descriptors)
        except BaseException:
            await self.end()
            raise

    async def wait(self) -> str:
        """Wait until it ends by itself. Returns how it ended, in words."""
        assert self._process is not None
        return how_it_ended(await self._process.wait())

    def pause(self, on: bool) -> None:
        """Stop reading its records: its children wait, then the UDP socket fills."""
        self._paused = on
        self._update_reader()

    async def retire(self) -> bool:
        """End it after it has finished accepted messages. Returns whether it was in time."""
        return await self._end(RETIRE, FINISH_TIMEOUT + STOP_TIMEOUT)

    async def end(self) -> bool:
        """End it; kill it and its children after a time-out. Returns whether it was in time."""
        return await self._end(STOP, STOP_TIMEOUT)

    async def _start(self, settings: WorkerSettings, descriptors: Sequence[int]) -> None:
        counts = unnamed_file(size_of_cells(settings.workers))
        try:
            self._memory = mmap.mmap(counts, 0)
            await self._run((*descriptors, counts))
        finally:
            os.close(counts)
        self._update_reader()
        settings = replace(settings, finish_timeout=FINISH_TIMEOUT, counts=counts)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._send_settings(settings)
                answer = await self._answer
        except TimeoutError:
            raise TimeoutError(f"the worker did not answer within {START_TIMEOUT:g} s") from None
        if isinstance(answer, WorkerFailed):
            raise answer.error()
        self._update_reader()

    async def _run(self, descriptors: Sequence[int]) -> None:
        """Start the process, and open the socket to it."""
        self._socket, far = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
        with far:
            self._socket.setblocking(False)
            for end in (self._socket, far):
                for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                    end.setsockopt(socket.SOL_SOCKET, option, MAX_RECORD * 8)
            # -P: the working directory may contain a json.py. Its own process group: Ctrl-C is
            # for the bridge process, and all children can be killed together.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _PROGRAM, str(far.fileno()), str(os.getpid())),
                pass_fds=[far.fileno(), *descriptors],
                stdin=asyncio.subprocess.PIPE,
                env=child_environment(),
                process_group=0,
            )

    async def _send_settings(self, settings: WorkerSettings) -> None:
        assert self._process is not None
        stdin = cast(asyncio.StreamWriter, self._process.stdin)
        stdin.write(settings.encode())
        with suppress(ConnectionError):  # it has ended, which the socket reports as well
            await stdin.drain()
        stdin.close()

    async def _end(self, word: bytes, seconds: float) -> bool:
        in_time = True
        process = self._process
        if process is not None and process.returncode is None:
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.send(word)
            try:
                async with asyncio.timeout(seconds):
                    self._update_reader(reading=True)
                    await process.wait()
            except TimeoutError:
                in_time = False
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        self._process, self.children = None, 0
        self._answer.cancel()  # nobody waits for it any more
        sock, self._socket = self._socket, None
        try:
            if sock is not None:
                await self._read_rest(sock)
        finally:
            self._count_rest()
        return in_time

    async def _read_rest(self, sock: socket.socket) -> None:
        """Read the last records, until the processes that could send more are gone."""
        over = self._loop.create_future()

        def read() -> None:
            if not self._read_from(sock, BATCH) and not over.done():
                over.set_result(None)

        self._loop.add_reader(sock, read)
        try:
            async with asyncio.timeout(REST_TIMEOUT):
                await over
        except TimeoutError:
            # A process that a function forked, or not Linux: the end of records never comes.
            self._read_from(sock, REST)
        finally:
            self._loop.remove_reader(sock)
            sock.close()

    def _count_rest(self) -> None:
        """Count what the worker and its children have counted and not reported."""
        memory, self._memory = self._memory, None
        if memory is None:
            return
        counts = WorkerStatistics.missing(memory, self.statistics)
        for ended in unreported_children(memory):
            if not self._tallies.has_ended(ended):
                counts += self._tallies.end(ended)[0]
        memory.close()
        if counts:
            self._count(CountsRecord(counts))

    # --- its records -------------------------------------------------------------------------

    def _update_reader(self, *, reading: bool = False) -> None:
        if self._socket is None:
            return
        if reading or not self._paused or not self._answer.done():
            self._loop.add_reader(self._socket, self._read)
        else:
            self._loop.remove_reader(self._socket)

    def _read(self) -> None:
        assert self._socket is not None
        if not self._read_from(self._socket, BATCH):
            self._loop.remove_reader(self._socket)  # wait() notices that the worker has ended

    def _read_from(self, sock: socket.socket, limit: int) -> bool:
        """Read some records. Returns False if there will be no more."""
        for _ in range(limit):
            try:
                data = sock.recv(MAX_RECORD + HEADER.size)
            except BlockingIOError:
                return True
            except OSError:
                data = b""
            if not data:
                if not self._answer.done():
                    self._answer.set_exception(OSError("the worker ended before it listened"))
                return False
            self._read_record(data)
        return True

    def _read_record(self, data: bytes) -> None:
        try:
            header = ChildHeader(*HEADER.unpack_from(data))
            if routed := self._tallies.settle(header):
                self._count(CountsRecord({"routed": routed}))
            match read_record(data[HEADER.size :]):
                case CountsRecord() as report:
                    if header.child:
                        self._tallies.add(header.child, report.counts)
                    self._count(report)
                case ChildrenEnded(children):
                    for counts, lost in map(self._tallies.end, children):
                        self._count(CountsRecord(counts))
                        if lost:
                            self.statistics.dropped["child"] += lost
                            self._on_report(MessagesLost(lost))
                case ChildCount(children):
                    self.children = children
                case WorkerReady() | WorkerFailed() as answer:
                    if not self._answer.done():
                        self._answer.set_result(answer)
                case ReceivedPacket():
                    pass  # for watchers, who have a socket of their own
                case BundleEnd(group):
                    self._bundles.end(group)
                case Emission() as emission:
                    self._on_report(self._bundles.share_tag(emission))
                case report:
                    self._on_report(report)
        except (DecodeError, struct.error) as error:
            self._on_report(DroppedRecord("record", 1, str(error)))

    def _count(self, record: CountsRecord) -> None:
        add_counts(self.statistics, record.counts)
        self._on_report(record)
