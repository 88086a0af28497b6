"""Commands that a client has not been sent yet, as it reads slowly. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oscbridge_oscquery.changes import MAX_COMMANDS
from oscbridge_oscquery.commands import PATH_CHANGED, OSCQueryCommand

__all__ = ["EVERYTHING", "PendingCommands"]

EVERYTHING: Final = OSCQueryCommand(PATH_CHANGED, "/")
"""What stands for any number of changes: the client loads the whole tree again."""


class PendingCommands:
    """Keeps commands in order; none is lost, and of too many one remains that says it all."""

    def __init__(self) -> None:
        self._commands: dict[OSCQueryCommand, None] = {}

    def __len__(self) -> int:
        return len(self._commands)

    def add(self, commands: Iterable[OSCQueryCommand]) -> None:
        """Add commands; one that is repeated takes the place of the earlier one."""
        for command in commands:
            if EVERYTHING in self._commands:
                return
            self._commands.pop(command, None)
            self._commands[command] = None
            if command == EVERYTHING or len(self._commands) > MAX_COMMANDS:
                self._commands = {EVERYTHING: None}

    def take(self) -> list[OSCQueryCommand]:
        """All of them, which are forgotten."""
        commands, self._commands = self._commands, {}
        return list(commands)
