"""The control socket of a running process: it tells how it is, shows what passes, reloads.

A Unix stream socket that only its user can reach. A client sends one line of JSON, a
request; the answers are lines of JSON as well:

============ ============================== ==============================================
command      beside it                      answer
============ ============================== ==============================================
``about``                                   ``{"about": ...}``: process, configuration, ...
``status``                                  the same with ``status``, once
``top``      ``every``, ``rows``            the same with ``rows``, again and again
``tap``      ``names``, ``match``, ``rate`` ``{"names": ...}``, then what :class:`TapStream`
                                            says, and ``{"skipped": ...}``
``reload``                                  ``{"changes": ..., "problems": ...}``
============ ============================== ==============================================

What fails is answered with ``{"error": ..., "code": ...}``: 2 if it was asked for wrongly,
else 1.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

from oscbridge.bridge.app import App
from oscbridge.bridge.config.error_messages import choices
from oscbridge.bridge.reload import Changes
from oscbridge.errors import ConfigurationError, OSCBridgeError, PatternError
from oscbridge.monitoring.address_table import Table
from oscbridge.monitoring.runtime_dir import folders, open_folder, remove_stale
from oscbridge.monitoring.status import read_status
from oscbridge.monitoring.traffic import Hub, TapStream
from oscbridge.net.os_errors import what_failed

__all__ = ["ControlServer"]

MAX_REQUEST: Final = 65_536
"""Bytes of a request."""

MAX_CLIENTS: Final = 64
"""Clients at once."""

MAX_STREAMS: Final = 16
"""Of these, clients that look on, by ``tap`` or ``top``: forgotten ones must lock nobody out."""

REQUEST_TIMEOUT: Final = 5.0
"""Seconds that a client has for its request."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds that a client has to take an answer that is no stream."""

STOP_TIMEOUT: Final = 0.5
"""Seconds of a stop for clients to be let go."""

GATHER: Final = 0.02
"""Seconds for which lines of a stream are gathered: a write each would slow the bridge."""

SKIPPED_INTERVAL: Final = 1.0
"""Seconds between two lines that say how many messages were skipped."""

WRITE_SIZE: Final = 65_536
"""Bytes of a stream that are written at once."""

MAX_NAMES: Final = 1_000
"""Names that a tap may ask for."""

MAX_ROWS: Final = 1_000
"""Addresses in a picture."""

RATE: Final = (0.1, 1_000_000.0)
"""Messages a second of a tap: the least, and the most."""

EVERY: Final = (0.2, 3_600.0)
"""Seconds between two pictures: the least, and the most."""

Reload: TypeAlias = Callable[[], Awaitable[Changes]]
_Request: TypeAlias = Mapping[str, object]

_log: Final = logging.getLogger(__name__)


class ControlServer:
    """Serves the control socket of a process that runs ``app``.

    ``reload`` has it read its configuration again; ``configuration`` is what that is called.
    """

    def __init__(self, app: App, reload: Reload, configuration: str) -> None:
        self.path: Path | None = None
        """The socket, while there is one."""
        self._app = app
        self._reload = reload
        self._hub = Hub(app)
        file = Path(configuration)
        self._about = {
            "pid": os.getpid(),
            "configuration": configuration,
            "file": str(file.resolve()) if file.exists() else "",
            "version": version("oscbridge"),
        }
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams = 0

    async def start(self) -> None:
        """Serve. Where there can be no socket that is one line in the log, and no error."""
        if not hasattr(socket, "AF_UNIX"):
            _log.debug("no control socket: this system has no Unix sockets")
            return
        try:
            sock, self.path = _bind()
        except OSError as error:
            text = "no control socket, so nothing can attach to this process: %s"
            _log.warning(text, str(error) or what_failed(error))
            return
        self._about.setdefault("since", time.time())
        self._server = await asyncio.start_unix_server(self._serve, sock=sock, limit=MAX_REQUEST)

    async def look_after(self) -> None:
        """Make the socket anew if it is gone: who cleans up removes it, or the user's logout."""
        if self.path is not None and self._server is not None and not self.path.exists():
            self._server.close()
            self.path = self._server = None
            await self.start()

    async def stop(self) -> None:
        """Let all clients go, and remove the socket."""
        path, self.path = self.path, None
        server, self._server = self._server, None
        if path is not None:
            with suppress(OSError):
                path.unlink()
        if server is not None:
            server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT)

    # --- clients -----------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writer.transport.set_write_buffer_limits(0)  # what was drained is with the client
        try:
            request = await _request(reader)  # or the answer would be lost
            if len(self._tasks) > MAX_CLIENTS:
                raise _Refused(f"more than {MAX_CLIENTS} clients at once; end another one")
            await self._answer(request, reader, writer)
        except OSCBridgeError as error:
            code = 2 if isinstance(error, ConfigurationError) else 1
            with suppress(OSError):
                await _write(writer, {"error": str(error), "code": code})
        except OSError:
            pass  # the client is gone
        except asyncio.CancelledError:
            pass  # the process stops; nobody waits for this task
        except Exception as error:
            _log.error("control socket: a request failed with %r", error, exc_info=error)
            with suppress(OSError):
                await _write(writer, {"error": f"it failed with {error!r}", "code": 1})
        finally:
            self._tasks.discard(task)
            _close(writer)

    async def _answer(
        self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Raises :class:`OSCBridgeError` for what cannot be done."""
        match request.get("command"):
            case "about":
                await _write(writer, {"about": self._about})
            case "status":
                await _write(writer, self._status())
            case "reload":
                changes = await self._reload()
                answer = {"changes": str(changes), "problems": changes.problems}
                await _write(writer, answer)
            case "tap" | "top" as command:
                if self._streams >= MAX_STREAMS:
                    raise _Refused(f"more than {MAX_STREAMS} look on at once; end another one")
                self._streams += 1
                try:
                    look_on = self._tap if command == "tap" else self._top
                    await _until_gone(reader, look_on(request, writer))
                finally:
                    self._streams -= 1
            case command:
                text = f"unknown command {command!r}: is the bridge that runs an older version?"
                raise _Refused(text)

    def _status(self) -> dict[str, object]:
        return {"about": self._about, "status": asdict(read_status(self._app))}

    async def _tap(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        configuration = self._app.configuration
        names = [*configuration.bridges, *configuration.endpoints]
        stream = _stream(request, names)
        self._hub.add(stream.take)
        try:
            await _write(writer, {"names": names})
            told = asyncio.get_running_loop().time()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SKIPPED_INTERVAL):
                        await stream.filled()
                await asyncio.sleep(GATHER)
                while lines := stream.read(WRITE_SIZE):
                    writer.write(lines)
                    await writer.drain()
                now = asyncio.get_running_loop().time()
                if now - told >= SKIPPED_INTERVAL:
                    told = now
                    if skipped := stream.skipped():
                        await _write(writer, {"skipped": skipped})
        finally:
            self._hub.remove(stream.take)

    async def _top(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        every = _number(request.get("every", 1.0), "every", *EVERY)
        limit = int(_number(request.get("rows", 100), "rows", 0, MAX_ROWS))
        table = Table()
        self._hub.add(table.take)
        try:
            while True:
                picture = self._status()
                picture |= {
                    "time": time.monotonic(),
                    "rows": table.rows(limit),
                    "addresses": len(table),
                    "forgotten": table.forgotten,
                }
                await _write(writer, picture, timeout=None)
                await asyncio.sleep(every)
        finally:
            self._hub.remove(table.take)


class _Refused(ConfigurationError):
    """A request that was made wrongly."""


def _stream(request: _Request, known: Sequence[str]) -> TapStream:
    """The stream that is asked for."""
    names, match, rate = (request.get(key) for key in ("names", "match", "rate"))
    if not isinstance(names, list | None) or len(names or ()) > MAX_NAMES:
        raise _Refused("names: expected a list of names")
    for name in names or ():
        if name not in known:
            mend = choices(str(name), known, "there is")
            raise _Refused(f"{name!r}: no such bridge or endpoint; {mend}")
    if not isinstance(match, str | None):
        raise _Refused("match: expected a pattern")
    if rate is not None:
        rate = _number(rate, "rate", *RATE)
    try:
        return TapStream(names or (), match or "", rate)
    except PatternError as error:
        raise _Refused(str(error)) from None


def _number(value: object, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _Refused(f"{name}: expected a number from {least:g} to {most:g}, not {value!r}")
    return float(value)


async def _request(reader: asyncio.StreamReader) -> _Request:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            line = await reader.readuntil()
    except TimeoutError:
        raise _Refused(f"no request within {REQUEST_TIMEOUT:g} s") from None
    except asyncio.IncompleteReadError:
        raise ConnectionResetError from None
    except asyncio.LimitOverrunError:
        raise _Refused(f"a request of more than {MAX_REQUEST} bytes") from None
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise _Refused("a request is a line with a JSON object")
    return request


async def _write(
    writer: asyncio.StreamWriter,
    answer: Mapping[str, object],
    timeout: float | None = ANSWER_TIMEOUT,
) -> None:
    """Raises ``OSError`` when the client is gone, or takes too long."""
    writer.write(json.dumps(answer, default=vars).encode() + b"\n")
    async with asyncio.timeout(timeout):
        await writer.drain()


async def _until_gone(reader: asyncio.StreamReader, work: Awaitable[None]) -> None:
    """Do something for a client until it leaves. Raises what that raises."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(reader))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
    if not working.cancelled():
        working.result()


async def _gone(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(1024):
            pass


def _close(writer: asyncio.StreamWriter) -> None:
    """Send what is written, if the client takes it at once."""
    writer.close()
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()


def _bind() -> tuple[socket.socket, Path]:
    """A socket in the first folder that can be used. Raises ``OSError`` with all reasons."""
    problems: list[str] = []
    for folder in folders():
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = folder / f"{os.getpid()}.sock"
        try:
            open_folder(folder)
            remove_stale(folder)
            sock.bind(str(path))
            path.chmod(0o600)
        except OSError as error:
            sock.close()
            problems.append(f"{folder}: {error.strerror or error}")
        else:
            return sock, path
    raise OSError("; ".join(problems))
