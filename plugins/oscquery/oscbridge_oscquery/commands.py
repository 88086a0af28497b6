"""The text frames of a WebSocket: commands with data. Pure.

Source: OSCQuery proposal, "Optional Bi-Directional Communication".
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

import oscbridge

__all__ = [
    "IGNORE",
    "LISTEN",
    "MAX_COMMAND",
    "PATH_ADDED",
    "PATH_CHANGED",
    "PATH_REMOVED",
    "PATH_RENAMED",
    "OSCQueryCommand",
    "decode_command",
    "encode_command",
]

LISTEN: Final = "LISTEN"
IGNORE: Final = "IGNORE"
PATH_CHANGED: Final = "PATH_CHANGED"
PATH_ADDED: Final = "PATH_ADDED"
PATH_REMOVED: Final = "PATH_REMOVED"
PATH_RENAMED: Final = "PATH_RENAMED"

MAX_COMMAND: Final = 16_384
"""Characters of a command."""


class OSCQueryCommand(NamedTuple):
    """A command of one of the kinds above, or one that is not known and has no data."""

    name: str
    path: str = ""
    """The address that it is about; for ``PATH_RENAMED`` the old one."""
    new_path: str = ""
    """The new address of ``PATH_RENAMED``."""


_WITH_PATH: Final = frozenset((LISTEN, IGNORE, PATH_CHANGED, PATH_ADDED, PATH_REMOVED))


def decode_command(text: str) -> OSCQueryCommand:
    """The command in a text frame. Raises :class:`oscbridge.DecodeError`.

    Unknown commands are not an error: servers and clients have their own.
    """
    if len(text) > MAX_COMMAND:
        raise oscbridge.DecodeError(
            "command", f"a command of {len(text)} characters; at most {MAX_COMMAND} are allowed"
        )
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise oscbridge.DecodeError("command", f"a text frame is not valid JSON: {error}") from None
    match document:
        case {"COMMAND": str(name), "DATA": str(path)} if name in _WITH_PATH:
            return OSCQueryCommand(name, path)
        case {"COMMAND": "PATH_RENAMED", "DATA": {"OLD": str(old), "NEW": str(new)}}:
            return OSCQueryCommand(PATH_RENAMED, old, new)
        case {"COMMAND": str(name)} if name not in _WITH_PATH and name != PATH_RENAMED:
            return OSCQueryCommand(name[:64])
    raise oscbridge.DecodeError(
        "command", 'invalid command: expected {"COMMAND": "LISTEN", "DATA": "/address"}'
    )


def encode_command(command: OSCQueryCommand) -> str:
    """A command as a text frame."""
    data: object = command.path
    if command.name == PATH_RENAMED:
        data = {"OLD": command.path, "NEW": command.new_path}
    return orjson.dumps({"COMMAND": command.name, "DATA": data}).decode()
