"""Keeps the variables that persist in their file, off the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.bridge.routes.variables import Variables
from oscbridge.bridge.variable_file import VariableFile
from oscbridge.errors import OSCBridgeError

__all__ = ["VariableStore"]

READ_TIMEOUT: Final = 5.0
"""Seconds to read the file, which may be on a network drive."""

SAVE_TIMEOUT: Final = 1.0
"""Seconds of a stop to write the file."""

RETRY_INTERVAL: Final = 5.0
"""Seconds after a failure until the next attempt to write."""

_log: Final = logging.getLogger("oscbridge.variables")


class VariableStore:
    """Reads the values at the start, and writes those that have changed."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._file: VariableFile | None = None
        self._saved = 0
        """:attr:`Variables.changes` when the values were last written."""
        self._problem = ""
        self._next = 0.0
        self._task: asyncio.Task[None] | None = None

    async def open(self, path: Path | None, *, load: bool = True) -> None:
        """Use this file, None for none. With ``load`` the variables get its values.

        A file that cannot be read is logged, and not used.
        """
        if self._file is not None:
            if self._file.path == path:
                return
            await self.close()
        if path is None:
            return
        file = VariableFile(path)
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                values, problem = await in_daemon_thread(lambda: _read(file), "read variables")
        except (OSCBridgeError, TimeoutError) as error:
            why = str(error) or f"{path}: cannot be read within {READ_TIMEOUT:g} s"
            _log.error("%s; changes of variables will not be kept", why)
            return
        self._file, self._problem, self._next = file, "", 0.0
        self._saved = self._variables.changes if load and not problem else -1
        if problem:
            self._failed(problem)
        if load and (ignored := self._variables.restore(values)):
            _log.warning("%s: ignored: %s", path, "; ".join(ignored))

    def save(self) -> None:
        """Start to write the values if they have changed. To be called once per second."""
        is_busy = self._task is not None and not self._task.done()
        if not is_busy and self._is_due() and time.monotonic() >= self._next:
            self._task = asyncio.create_task(self._save())

    async def close(self) -> None:
        """Write the values if they have changed, within :data:`SAVE_TIMEOUT`."""
        file = self._file
        if file is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(SAVE_TIMEOUT):
                if self._task is not None:
                    await asyncio.wait([self._task])
                if self._is_due():
                    await self._save()
        if self._is_due() and not self._problem:
            text = "%s: not written within %g s; the last changes of variables are lost"
            _log.error(text, file.path, SAVE_TIMEOUT)
        self._file = self._task = None
        file.close()

    def _failed(self, problem: str) -> None:
        self._next = time.monotonic() + RETRY_INTERVAL
        if problem != self._problem:
            _log.error("%s; values of variables are not kept; retrying", problem)
        self._problem = problem

    def _is_due(self) -> bool:
        return self._file is not None and self._saved != self._variables.changes

    async def _save(self) -> None:
        assert self._file is not None
        file, changes = self._file, self._variables.changes
        values = self._variables.persistent()
        try:
            await in_daemon_thread(lambda: file.write(values), "write variables")
        except OSCBridgeError as error:
            self._failed(str(error))
            return
        if self._problem:
            _log.info("%s: values of variables are kept again", file.path)
        self._saved, self._problem = changes, ""


def _read(file: VariableFile) -> tuple[Mapping[str, object], str]:
    """The values, and why they cannot be written, if so. Raises :class:`OSCBridgeError`."""
    values = file.read()
    try:
        file.prepare()
    except OSCBridgeError as error:
        return values, str(error)
    return values, ""
