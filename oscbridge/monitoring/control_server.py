"""The control socket of a running process: status, live traffic and reloads.

A stream socket that only its user can reach (:mod:`oscbridge.monitoring.control_socket`). A
client sends a request as one line of JSON; the answers are lines of JSON as well:

============= ============================== ==============================================
command       arguments                      answer
============= ============================== ==============================================
``about``                                    ``{"about": ...}``: process, configuration, ...
``status``                                   the same with ``status``, ``problems`` and
                                             ``warnings``, once
``health``                                   ``{"problems": [...], "warnings": [...]}``
``top``       ``every``, ``rows``            the same with ``rows``, repeatedly
``tap``       ``names``, ``match``,          ``{"names": ...}``, then lines of
              ``rate``, ``route``            :class:`TapStream` and ``{"skipped": ...}``
``mute``      ``names``, ``on``              ``{"changed": [...]}``: routes, in words
``reload``                                   ``{"changes": ..., "problems": ...}``
``set``       ``name``, ``value``, ``text``  ``{"variables": {...}}``: the new value, or all
``addresses`` ``match``, ``part``,           ``{"addresses": [...]}`` repeatedly, then the number
              ``visible_to``, ``limit``      of them and the number left out
``history``                                  ``{"versions": [...]}``: saved edits
``undo``      ``number``, ``and_later``      ``{"text": ..., "problems": ..., "diff": ...}``
``redo``      ``number``                     the same
``learn``     ``target``, ``address``,       ``{"learning": ...}`` repeatedly, then the
              ``both``, ``name``             ``{"proposal": ...}``
============= ============================== ==============================================

Over TCP a request must contain the ``token`` as well. A failure is answered with
``{"error": ..., "code": ...}``: code 2 for an invalid request, otherwise 1.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from oscbridge.bridge.tasks import run_until
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.monitoring.address_requests import answer_addresses, described, viewed_in
from oscbridge.monitoring.address_table import Table
from oscbridge.monitoring.control_requests import (
    MAX_REQUEST,
    BadRequest,
    Request,
    mute_arguments,
    number,
    read_request,
    tap_stream,
)
from oscbridge.monitoring.control_socket import TokenCheck, bind
from oscbridge.monitoring.edit_requests import answer_history, answer_redo, answer_undo
from oscbridge.monitoring.operations import Operations
from oscbridge.net.os_errors import what_failed

__all__ = ["ControlServer"]

MAX_CLIENTS: Final = 64
"""Maximum number of clients."""

MAX_STREAMS: Final = 16
"""Maximum number of ``tap`` and ``top`` clients: forgotten ones must not lock out others."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for a client to read an answer other than a stream."""

STOP_TIMEOUT: Final = 0.5
"""Seconds of a stop to disconnect clients."""

GATHER: Final = 0.02
"""Seconds to collect lines of a stream: one write per line would slow the bridge down."""

SKIPPED_INTERVAL: Final = 1.0
"""Seconds between two lines about skipped messages."""

WRITE_SIZE: Final = 65_536
"""Bytes per write of a stream."""

MAX_ROWS: Final = 1_000
"""Maximum number of addresses in a snapshot."""

EVERY: Final = (0.2, 3_600.0)
"""Range of the seconds between two snapshots."""

_log: Final = logging.getLogger(__name__)


class ControlServer:
    """Serves the control socket of a process."""

    def __init__(self, operations: Operations) -> None:
        self.path: Path | None = None
        """The file of the socket, while it exists."""
        self._operations = operations
        self._server: asyncio.Server | None = None
        self._token_check = TokenCheck("")
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams = 0

    async def start(self) -> None:
        """Start serving. Where a socket is not possible, this is logged and not an error."""
        try:
            sock, self.path, token = bind()
        except OSError as error:
            text = "no control socket, so attaching to this process is not possible: %s"
            _log.warning(text, str(error) or what_failed(error))
            return
        self._operations.started()
        self._token_check = TokenCheck(token)
        serve = asyncio.start_server if token else asyncio.start_unix_server
        self._server = await serve(self._serve, sock=sock, limit=MAX_REQUEST)

    async def look_after(self) -> None:
        """Create the socket again if a clean-up or the end of the user's session removed it.

        To be called every few seconds.
        """
        self._token_check.flush_reports()
        if self.path is not None and self._server is not None and not self.path.exists():
            self._server.close()
            self.path = self._server = None
            await self.start()

    async def stop(self) -> None:
        """Disconnect all clients and remove the socket."""
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
        self._token_check.flush_reports(everything=True)

    # --- clients ------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= 2 * MAX_CLIENTS:  # over TCP other users can connect as well
            writer.transport.abort()
            return
        self._tasks.add(task)
        writer.transport.set_write_buffer_limits(0)  # drained data has been handed to the kernel
        try:
            request = await read_request(reader)  # before any answer, which would be lost otherwise
            if len(self._tasks) > MAX_CLIENTS:
                raise BadRequest(f"too many clients: at most {MAX_CLIENTS}; close another one")
            await self._token_check.check(request.get("token"))
            await self._answer(request, reader, writer)
        except OSCBridgeError as error:
            code = 2 if isinstance(error, ConfigurationError) else 1
            with suppress(OSError):
                await _write(writer, {"error": str(error), "code": code})
        except OSError:
            pass  # the client disconnected
        except asyncio.CancelledError:
            pass  # the process is stopping; nobody waits for this task
        except Exception as error:
            _log.error("control socket: a request failed with %r", error, exc_info=error)
            with suppress(OSError):
                await _write(writer, {"error": f"failed with {error!r}", "code": 1})
        finally:
            self._tasks.discard(task)
            _close(writer)

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Raises :class:`OSCBridgeError` if the request cannot be fulfilled."""
        match request.get("command"):
            case "about":
                await _write(writer, {"about": self._operations.info})
            case "status":
                await _write(writer, self._status())
            case "health":
                status = self._operations.status()
                await _write(writer, {"problems": status.problems, "warnings": status.warnings})
            case "mute":
                changed = self._operations.mute(*mute_arguments(request))
                await _write(writer, {"changed": changed})
            case "leader":
                await _write(writer, await self._operations.leader(request))
            case "reload":
                changes = await self._operations.reload()
                answer = {"changes": str(changes), "problems": changes.problems}
                await _write(writer, answer)
            case "set":
                await _write(writer, self._operations.set_variable(request))
            case "addresses":
                names, addresses = self._operations.names, self._operations.app.addresses
                await addresses.prepare(*viewed_in(request, names))
                for lines in answer_addresses(request, addresses, names):
                    await _write(writer, lines)
                    await asyncio.sleep(0)
            case "history":
                await _write(writer, await answer_history(self._operations))
            case "undo":
                await _write(writer, await answer_undo(request, self._operations))
            case "redo":
                await _write(writer, await answer_redo(request, self._operations))
            case "tap" | "top" | "learn" as command:
                if self._streams >= MAX_STREAMS:
                    raise BadRequest(
                        f"too many tap and top clients: at most {MAX_STREAMS}; close another one"
                    )
                self._streams += 1
                try:
                    serve = {"tap": self._tap, "top": self._top, "learn": self._learn}[command]
                    await _until_disconnected(reader, serve(request, writer))
                finally:
                    self._streams -= 1
            case command:
                text = f"unknown command {command!r}; the running bridge may be an older version"
                raise BadRequest(text)

    def _status(self) -> dict[str, object]:
        status = self._operations.status()
        known = {"status": status, "problems": status.problems, "warnings": status.warnings}
        return {"about": self._operations.info, **known}

    async def _tap(self, request: Request, writer: asyncio.StreamWriter) -> None:
        names = self._operations.names
        stream = tap_stream(request, names, self._operations.app.routes)
        self._operations.hub.add(stream.take)
        try:
            await _write(writer, {"names": names})
            reported_at = asyncio.get_running_loop().time()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SKIPPED_INTERVAL):
                        await stream.filled()
                await asyncio.sleep(GATHER)
                while lines := stream.read(WRITE_SIZE):
                    writer.write(lines)
                    await writer.drain()
                now = asyncio.get_running_loop().time()
                if now - reported_at >= SKIPPED_INTERVAL:
                    reported_at = now
                    if skipped := stream.skipped():
                        await _write(writer, {"skipped": skipped})
        finally:
            self._operations.hub.remove(stream.take)
            stream.discard()

    async def _learn(self, request: Request, writer: asyncio.StreamWriter) -> None:
        from oscbridge.monitoring.learn_requests import answer_learn

        async for answer in answer_learn(request, self._operations):
            await _write(writer, answer)

    async def _top(self, request: Request, writer: asyncio.StreamWriter) -> None:
        every = number(request.get("every", 1.0), "every", *EVERY)
        limit = int(number(request.get("rows", 100), "rows", 0, MAX_ROWS))
        table = Table()
        await self._operations.prepare_addresses()
        self._operations.hub.add(table.take)
        try:
            while True:
                snapshot = self._status()
                snapshot |= {
                    "time": time.monotonic(),
                    "rows": described(table.rows(limit), self._operations.app.addresses),
                    "addresses": len(table),
                    "forgotten": table.forgotten,
                }
                await _write(writer, snapshot, timeout=None)
                await asyncio.sleep(every)
        finally:
            self._operations.hub.remove(table.take)


def encode_answer(answer: Mapping[str, object]) -> bytes:
    """An answer as JSON, in one line. Dataclasses become objects."""
    # Not dataclasses.asdict(): it builds a Counter from pairs and so makes other keys of them.
    return json.dumps(answer, default=vars).encode()


async def _write(
    writer: asyncio.StreamWriter,
    answer: Mapping[str, object],
    timeout: float | None = ANSWER_TIMEOUT,
) -> None:
    """Raises ``OSError`` if the client disconnected or takes too long."""
    writer.write(encode_answer(answer) + b"\n")
    async with asyncio.timeout(timeout):
        await writer.drain()


async def _until_disconnected(reader: asyncio.StreamReader, work: Awaitable[None]) -> None:
    """Run ``work`` until it ends or the client disconnects. Raises what ``work`` raises."""
    await run_until(work, _disconnected(reader))


async def _disconnected(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(1024):
            pass


def _close(writer: asyncio.StreamWriter) -> None:
    """Close, sending buffered data only if the client takes it immediately."""
    writer.close()
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
