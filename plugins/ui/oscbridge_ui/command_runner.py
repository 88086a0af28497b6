"""The commands of one page, at a bounded rate, and their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, TypeAlias

from oscbridge import AccessGrant, OSCBridgeError, TokenBucket
from oscbridge.monitoring import Operations
from oscbridge_ui.client_messages import Mute, ReloadConfiguration, SendMessage, SetVariable
from oscbridge_ui.commands import run_command
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.scope import PageScope
from oscbridge_ui.server_messages import Answer

__all__ = ["COMMANDS", "Command", "CommandRunner"]

COMMANDS: Final = 120.0
"""Commands per second, on average over a second: a hand on a fader."""

Command: TypeAlias = Mute | ReloadConfiguration | SetVariable | SendMessage


class CommandRunner:
    """Runs commands. On the event loop."""

    def __init__(
        self, operations: Operations, feeds: Feeds, answer: Callable[[Answer], None]
    ) -> None:
        self._operations = operations
        self._feeds = feeds
        self._answer = answer
        self._bucket = TokenBucket(COMMANDS, COMMANDS, time.monotonic)
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> Collection[asyncio.Task[None]]:
        """Commands that take longer."""
        return tuple(self._running)

    def start(self, command: Command, grant: AccessGrant, scope: PageScope) -> None:
        """Run a command, or refuse it."""
        try:
            if not self._bucket.try_take():
                raise OSCBridgeError(f"too many commands: at most {COMMANDS:g} per second")
            if isinstance(command, ReloadConfiguration):
                self._reload(command, grant, scope)
                return
            text, error = run_command(command, self._operations, grant, scope), ""
        except OSCBridgeError as found:
            text, error = "", str(found)
        self._answer(Answer(id=command.id, error=error, text=text))

    def _reload(self, command: ReloadConfiguration, grant: AccessGrant, scope: PageScope) -> None:
        if self._running:
            raise OSCBridgeError("a reload is running already")
        if (denied := grant.without("configure")) is not None:
            raise OSCBridgeError(denied.reason)
        scope.require_unlimited()
        task = asyncio.create_task(self._finish(command, self._feeds.reload()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _finish(self, command: ReloadConfiguration, reload: asyncio.Future[object]) -> None:
        try:
            text, error = str(await reload), ""
        except OSCBridgeError as found:
            text, error = "", str(found)
        self._answer(Answer(id=command.id, error=error, text=text))
