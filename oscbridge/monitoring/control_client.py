"""Attach to a running bridge on this machine through its control socket."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.logs.format import visible
from oscbridge.monitoring.control_socket import connect
from oscbridge.monitoring.runtime_dir import folders, sockets
from oscbridge.net.os_errors import what_failed

if TYPE_CHECKING:  # loading the bridge would delay the short commands
    from oscbridge.bridge.routes.variables import Value
    from oscbridge.bridge.watching import Direction

__all__ = [
    "Packet",
    "RunningProcess",
    "TapClient",
    "ask",
    "choose",
    "processes",
    "reload",
    "set_variable",
    "tap",
]

CONNECT_TIMEOUT: Final = 2.0
"""Seconds for a process to identify itself. A blocked one does not answer."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for the first answer to a request."""

RELOAD_TIMEOUT: Final = 120.0
"""Seconds for a reload, which may wait for other machines."""

READ_SIZE: Final = 262_144
"""Bytes per read."""

MAX_LINE: Final = 4_194_304
"""Maximum size of one answer in bytes."""


class RunningProcess(NamedTuple):
    """A process that runs a bridge."""

    socket: Path
    pid: int
    configuration: str
    """Human-readable name of its configuration."""
    file: str
    """Absolute path of its configuration file; empty if there is none."""
    since: float
    """Unix time at which it became ready."""
    version: str

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M:%S")
        return f"{self.pid}  {visible(self.configuration)}  since {since}"


class Packet(NamedTuple):
    """A message that passed the bridge."""

    time_ns: int
    """Unix time in nanoseconds."""
    direction: Direction
    name: str
    """The bridge or endpoint that received or delivered it."""
    peer: str
    """Its sender; empty if unknown."""
    packet: bytes
    """The message as an OSC packet; in a bundle if it has a time tag."""


# --- discovery -------------------------------------------------------------------------------


async def choose(pid: int | None = None, file: Path | None = None) -> RunningProcess:
    """The running process; among several, the one with this id or configuration.

    Raises :class:`OSCBridgeError`, listing the candidates, unless there is exactly one.
    """
    running, silent = await processes()
    fitting = [each for each in running if pid in (None, each.pid)]
    if file is not None:
        fitting = _of_file(fitting, file)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise _listed("several bridges are running here; choose one with --pid", fitting)
    if silent and pid in (None, *silent):
        one = silent[0] if pid is None else pid
        raise OSCBridgeError(f"process {one} does not answer; it may be stopped or blocked")
    if running:
        which = f"process {pid}" if file is None else f"configuration {visible(str(file))}"
        raise _listed(f"no bridge with {which} is running here; available", running)
    raise OSCBridgeError("no bridge of this user is running here; start one with: oscbridge run")


def _of_file(running: Sequence[RunningProcess], file: Path) -> list[RunningProcess]:
    """Those that run this file; otherwise those whose file has the same name."""
    whole = str(file.resolve())
    same = [each for each in running if each.file == whole]
    return same or [each for each in running if Path(each.configuration).name == file.name]


def _listed(text: str, running: Iterable[RunningProcess]) -> OSCBridgeError:
    return OSCBridgeError("\n".join((f"{text}:", *(f"  {each}" for each in running))))


async def processes() -> tuple[list[RunningProcess], list[int]]:
    """This user's processes that run a bridge, and the ids of those that do not answer."""
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
    raise _no_answer(path)


def _no_answer(path: Path) -> OSCBridgeError:
    """About a connection that was closed without an answer."""
    return OSCBridgeError("no answer") if path.exists() else _Gone()


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
    """The process has ended."""


# --- requests --------------------------------------------------------------------------------


@asynccontextmanager
async def ask(
    path: Path, request: Mapping[str, object], timeout: float = ANSWER_TIMEOUT
) -> AsyncIterator[AsyncIterator[list[Any]]]:
    """Send a request and iterate over its answers, in batches of those that have arrived.

    Raises :class:`OSCBridgeError` if the bridge cannot be reached, answers with an error, or
    does not answer within ``timeout`` seconds.
    """
    try:
        reader, writer, token = await connect(path)
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError | ConnectionRefusedError)
        kind = _Gone if is_gone else OSCBridgeError
        raise kind(f"cannot reach the bridge: {what_failed(error)}") from None
    try:
        if token:
            request = {**request, "token": token}
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
            raise OSCBridgeError(f"the bridge did not answer within {timeout:g} s") from None
        except OSError:
            return
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE:
            raise OSCBridgeError(f"the bridge sent an answer of more than {MAX_LINE} bytes")
        if lines:
            first = False
            yield [_checked(line) for line in lines]


def _checked(line: bytes) -> Any:
    """Parse an answer. Raises :class:`OSCBridgeError` if it reports an error."""
    try:
        answer = json.loads(line)
    except ValueError:
        raise OSCBridgeError("the bridge sent an answer that is not valid JSON") from None
    if isinstance(answer, dict) and "error" in answer:
        kind = ConfigurationError if answer.get("code") == 2 else OSCBridgeError
        raise kind(str(answer["error"]))
    return answer


async def reload(process: RunningProcess) -> tuple[str, list[str]]:
    """Reload the configuration of a process. Returns the changes and the remaining problems.

    Raises :class:`ConfigurationError` if the file is invalid, and :class:`OSCBridgeError` if
    the reload fails; the process then keeps its previous configuration.
    """
    async with ask(process.socket, {"command": "reload"}, RELOAD_TIMEOUT) as batches:
        async for answer, *_ in batches:
            return str(answer["changes"]), [str(each) for each in answer["problems"]]
    raise OSCBridgeError("the bridge stopped before it reloaded")


async def set_variable(
    process: RunningProcess, name: str | None, value: object = None, text: str | None = None
) -> dict[str, Value]:
    """Set a variable of a process; ``text`` is the value if it is a variable of text.

    Returns its new value by its name; without a name, the values of all variables. Raises
    :class:`ConfigurationError` for an unknown name or a value of another kind.
    """
    request = {"command": "set", "name": name, "value": value, "text": text}
    async with ask(process.socket, request) as batches:
        async for answer, *_ in batches:
            return dict(answer["variables"])
    raise OSCBridgeError("the bridge has stopped")


# --- traffic ---------------------------------------------------------------------------------


class TapClient:
    """The messages that pass a running process."""

    def __init__(self, batches: AsyncIterator[list[Any]]) -> None:
        self.names: list[str] = []
        """Its bridges and endpoints; known after the first batch."""
        self.skipped: Counter[str] = Counter()
        """Messages that were not shown, by reason: ``rate``, ``slow`` or ``bad``."""
        self._batches = batches

    async def batches(self) -> AsyncIterator[list[Packet]]:
        """Batches of messages that have arrived; empty if only the counts are new.

        Ends when the process ends.
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
        """The messages one by one."""
        async for batch in self.batches():
            for packet in batch:
                yield packet


@asynccontextmanager
async def tap(
    process: RunningProcess,
    names: Iterable[str] = (),
    match: str = "",
    rate: float | None = None,
    route: str = "",
) -> AsyncIterator[TapClient]:
    """Attach to the traffic of these bridges and endpoints, or of all.

    ``match`` selects addresses; ``route``, instead of both, the messages that a route gets, by
    its name or number; ``rate`` limits the messages per second. Raises
    :class:`ConfigurationError`, with the first batch, for an unknown name or an invalid
    pattern.
    """
    request = {"names": list(names), "match": match, "rate": rate, "route": route}
    async with ask(process.socket, {"command": "tap", **request}) as batches:
        yield TapClient(batches)
