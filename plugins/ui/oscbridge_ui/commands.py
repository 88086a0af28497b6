"""The commands of a page: checked, and carried out by the bridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oscbridge import (
    IMPULSE,
    MIDI,
    AccessGrant,
    Argument,
    Color,
    ConfigurationError,
    Message,
    OSCBridgeError,
    TimeTag,
    encode_message,
)
from oscbridge.monitoring import Operations
from oscbridge_ui.client_messages import Mute, SendMessage, SetVariable
from oscbridge_ui.protocol_base import Scalar
from oscbridge_ui.visibility import LIMITED, is_limited, may_reach

__all__ = ["message_of", "run_command"]

SENDER: Final = "control room"
"""The sender of messages from a page."""


def run_command(
    command: Mute | SetVariable | SendMessage, operations: Operations, grant: AccessGrant
) -> str:
    """Carry out a command. Returns the changes, in words. Raises :class:`OSCBridgeError`."""
    match command:
        case Mute():
            _require(grant, "configure")
            _require_whole(grant)
            changed = operations.mute(command.routes, command.on)
            state = "muted" if command.on else "unmuted"
            return f"{', '.join(changed)}: {state}" if changed else f"already {state}"
        case SetVariable():
            _require(grant, "configure")
            _require_whole(grant)
            operations.set_variable({"name": command.name, "value": command.value})
            return f"{command.name} is set"
        case SendMessage():
            _require(grant, "send")
            if not grant.rights.may_send(command.address):
                raise OSCBridgeError(f"this token may not send to {command.address}")
            if not may_reach(grant, command.name):
                raise OSCBridgeError(f"this token is not valid for {command.name}")
            message = message_of(command)
            if command.received:
                operations.put_in(command.name, message, SENDER)
            else:
                operations.send(command.name, message)
            return ""


def _require(grant: AccessGrant, right: str) -> None:
    denied = grant.without("configure" if right == "configure" else "send")
    if denied is not None:
        raise OSCBridgeError(denied.reason)


def _require_whole(grant: AccessGrant) -> None:
    if is_limited(grant):
        raise OSCBridgeError(LIMITED)


def message_of(command: SendMessage) -> Message:
    """The message that a command asks for. Raises :class:`ConfigurationError`."""
    if not command.address.startswith("/"):
        raise ConfigurationError(f"{command.address!r}: an address starts with '/'")
    if len(command.args) != len(command.types):
        text = f"{len(command.types)} type tags but {len(command.args)} values"
        raise ConfigurationError(text)
    args = tuple(map(_argument, command.types, command.args))
    message = Message(command.address, command.types, args)
    try:
        encode_message(message)
    except (OSCBridgeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"{command.address}: {error}") from None
    return message


def _argument(tag: str, value: Scalar) -> Argument:
    """A value for a type tag. Raises :class:`ConfigurationError`."""
    try:
        match tag:
            case "T" | "F":
                return tag == "T"
            case "N":
                return None
            case "I":
                return IMPULSE
            case "s" | "S" | "c" if isinstance(value, str):
                return value
            case "b" if isinstance(value, str):
                return bytes.fromhex(value)
            case "r" if isinstance(value, str):
                return Color(int(value.removeprefix("#").ljust(8, "f"), 16))
            case "m" if isinstance(value, str):
                return MIDI(*_four(bytes.fromhex(value)))
            case "t" if isinstance(value, str):
                return TimeTag(int(value))
            case "f" | "d" if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            case "i" | "h" if isinstance(value, int | str) and not isinstance(value, bool):
                return int(value)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(f"{value!r} is not a value of type {tag!r}")


def _four(data: Sequence[int]) -> Sequence[int]:
    if len(data) != 4:
        raise ValueError("a MIDI message has four bytes")
    return data
