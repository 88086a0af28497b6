"""Attaching to a process that runs a bridge on this machine, through its control socket."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from oscbridge.bridge.app import Direction
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.logs.format import visible
from oscbridge.monitoring.runtime_dir import folders, sockets
from oscbridge.net.os_errors import what_failed

__all__ = ["Packet", "RunningProcess", "TapClient", "ask", "choose", "processes", "reload", "tap"]

CONNECT_TIMEOUT: Final = 2.0
"""Seconds that a process has to say what it is. One that is held up does not."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for the first answer to a request."""

RELOAD_TIMEOUT: Final = 120.0
"""Seconds that a reload may take: it may wait for other machines."""

READ_SIZE: Final = 262_144
"""Bytes that are read at once."""

MAX_LINE: Final = 4_194_304
"""Bytes of one answer."""


class RunningProcess(NamedTuple):
    """A process that runs a bridge."""

    socket: Path
    pid: int
    configuration: str
    """The name of its configuration, for people."""
    file: str
    """The whole path of its configuration; nothing if it is in no file."""
    since: float
    """Unix time at which it was ready."""
    version: str

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M:%S")
        return f"{self.pid}  {visible(self.configuration)}  since {since}"


class Packet(NamedTuple):
    """A message that has passed."""

    time_ns: int
    """Unix time in nanoseconds."""
    direction: Direction
    name: str
    """The bridge or endpoint that it came from or went to."""
    peer: str
    """Who sent it, as far as that is known, or nothing."""
    packet: bytes
    """The message as an OSC packet; in a bundle if it had a time tag."""


# --- finding it --------------------------------------------------------------------------------


async def choose(pid: int | None = None, file: Path | None = None) -> RunningProcess:
    """The process that runs; of several the one with this id, or this configuration.

    Raises :class:`OSCBridgeError` that lists them when there is not just one.
    """
    running, silent = await processes()
    fitting = [each for each in running if pid in (None, each.pid)]
    if file is not None:
        fitting = _of_file(fitting, file)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise _listed("several bridges run here; pick one with --pid", fitting)
    if silent and pid in (None, *silent):
        one = silent[0] if pid is None else pid
        raise OSCBridgeError(f"process {one} does not answer: is it stopped, or held up?")
    if running:
        which = f"process {pid}" if file is None else f"configuration {visible(str(file))}"
        raise _listed(f"no bridge with {which} runs here; there is", running)
    raise OSCBridgeError("no bridge of this user runs here; start one with oscbridge run")


def _of_file(running: Sequence[RunningProcess], file: Path) -> list[RunningProcess]:
    """Those that run this very file; else those whose file has its name."""
    whole = str(file.resolve())
    same = [each for each in running if each.file == whole]
    return same or [each for each in running if Path(each.configuration).name == file.name]


def _listed(text: str, running: Iterable[RunningProcess]) -> OSCBridgeError:
    return OSCBridgeError("\n".join((f"{text}:", *(f"  {each}" for each in running))))


async def processes() -> tuple[list[RunningProcess], list[int]]:
    """All processes of this user that run a bridge, and the ids of those that do not answer."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSCBridgeError("this system has no Unix sockets: nothing can attach to a bridge")
    found = {each: pid for folder in folders() for pid, each in sockets(folder)}
    answers = await asyncio.gather(*(_about(each) for each in found), return_exceptions=True)
    running: list[RunningProcess] = []
    silent: list[int] = []
    for pid, answer in zip(found.values(), answers, strict=True):
        if isinstance(answer, RunningProcess):
            running.append(answer)
        elif not isinstance(answer, _Gone):
            silent.append(pid)
    return sorted(running, key=lambda each: each.since), silent


async def _about(path: Path) -> RunningProcess:
    async with asyncio.timeout(CONNECT_TIMEOUT):
        async with ask(path, {"command": "about"}) as batches:
            async for answer, *_ in batches:
                return _process(path, answer["about"])
    raise _Gone


def _process(path: Path, about: Mapping[str, Any]) -> RunningProcess:
    return RunningProcess(
        path,
        int(about["pid"]),
        str(about["configuration"]),
        str(about["file"]),
        float(about["since"]),
        str(about["version"]),
    )


class _Gone(OSCBridgeError):
    """Nobody is there any more."""


# --- asking it ---------------------------------------------------------------------------------


@asynccontextmanager
async def ask(
    path: Path, request: Mapping[str, object], timeout: float = ANSWER_TIMEOUT
) -> AsyncIterator[AsyncIterator[list[Any]]]:
    """Send a request. The answers, as many at a time as have come, until it sends no more.

    Raises :class:`OSCBridgeError` when it cannot be reached, for an answer that is an error,
    and when there is none within ``timeout`` seconds.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError as error:
        raise _Gone(f"the bridge cannot be reached: {what_failed(error)}") from None
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        yield _answers(reader, timeout)
    finally:
        writer.transport.abort()


async def _answers(reader: asyncio.StreamReader, timeout: float) -> AsyncIterator[list[Any]]:
    rest = b""
    first = True
    while True:
        try:
            async with asyncio.timeout(timeout if first else None):
                data = await reader.read(READ_SIZE)
        except TimeoutError:
            raise OSCBridgeError(f"the bridge does not answer within {timeout:g} s") from None
        except OSError:
            return
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE:
            raise OSCBridgeError(f"the bridge answers with more than {MAX_LINE} bytes at once")
        if lines:
            first = False
            yield [_checked(line) for line in lines]


def _checked(line: bytes) -> Any:
    """An answer. Raises :class:`OSCBridgeError` for an error."""
    try:
        answer = json.loads(line)
    except ValueError:
        raise OSCBridgeError("the bridge answers with what is no JSON") from None
    if isinstance(answer, dict) and "error" in answer:
        kind = ConfigurationError if answer.get("code") == 2 else OSCBridgeError
        raise kind(str(answer["error"]))
    return answer


async def reload(process: RunningProcess) -> tuple[str, list[str]]:
    """Have it read its configuration again. What has changed, and what does not work now.

    Raises :class:`ConfigurationError` for a file that is bad, and :class:`OSCBridgeError`
    when it cannot be; then all goes on as it was.
    """
    async with ask(process.socket, {"command": "reload"}, RELOAD_TIMEOUT) as batches:
        async for answer, *_ in batches:
            return str(answer["changes"]), [str(each) for each in answer["problems"]]
    raise OSCBridgeError("the bridge stopped before it had reloaded")


# --- what passes -------------------------------------------------------------------------------


class TapClient:
    """What passes through a process that runs."""

    def __init__(self, batches: AsyncIterator[list[Any]]) -> None:
        self.names: list[str] = []
        """Its bridges and endpoints; known once there is a batch."""
        self.skipped: Counter[str] = Counter()
        """Messages that passed and are not shown, by reason: ``rate``, ``slow`` or ``bad``."""
        self._batches = batches

    async def batches(self) -> AsyncIterator[list[Packet]]:
        """Messages, as many at a time as have come; maybe none, when only counts are new.

        Ends when the process does.
        """
        async for answers in self._batches:
            packets = []
            for answer in answers:
                if isinstance(answer, list):
                    time_ns, direction, name, peer, packet = answer
                    packets.append(Packet(time_ns, direction, name, peer, base64.b64decode(packet)))
                elif "skipped" in answer:
                    self.skipped.update(answer["skipped"])
                elif "names" in answer:
                    self.names = answer["names"]
            yield packets

    async def packets(self) -> AsyncIterator[Packet]:
        """The same, one by one."""
        async for batch in self.batches():
            for packet in batch:
                yield packet


@asynccontextmanager
async def tap(
    process: RunningProcess,
    names: Iterable[str] = (),
    match: str = "",
    rate: float | None = None,
) -> AsyncIterator[TapClient]:
    """Attach to what passes at these bridges and endpoints, or at all.

    ``match`` picks addresses. At most ``rate`` messages a second are shown, or all. Raises
    :class:`ConfigurationError` for a name or a pattern that is none, with the first batch.
    """
    request = {"command": "tap", "names": list(names), "match": match, "rate": rate}
    async with ask(process.socket, request) as batches:
        yield TapClient(batches)
