"""Builds OSC messages, under the names of python-osc."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias, cast

from oscbridge.errors import EncodeError as BuildError
from oscbridge.errors import EncodeTypeError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import DEFAULT_LIMITS, MIDI, Argument, Message, TimeTag, encode_message, infer
from oscbridge.osc.type_tags import TYPE_TAGS
from oscbridge.osc_message import LIMITS, OscMessage

__all__ = ["ArgType", "ArgValue", "BuildError", "OscMessageBuilder", "arguments_of", "build_msg"]

ArgValue: TypeAlias = "Argument | tuple[int, int, int, int]"
ArgType: TypeAlias = "str | Sequence[ArgType]"
"""A type tag, or a list of them for an array."""

_START: Final = "["
_STOP: Final = "]"


class OscMessageBuilder:
    """Builds a message of typed arguments."""

    ARG_TYPE_FLOAT = "f"
    ARG_TYPE_DOUBLE = "d"
    ARG_TYPE_INT = "i"
    ARG_TYPE_INT64 = "h"
    ARG_TYPE_STRING = "s"
    ARG_TYPE_BLOB = "b"
    ARG_TYPE_RGBA = "r"
    ARG_TYPE_MIDI = "m"
    ARG_TYPE_TRUE = "T"
    ARG_TYPE_FALSE = "F"
    ARG_TYPE_NIL = "N"
    ARG_TYPE_CHAR = "c"
    ARG_TYPE_SYMBOL = "S"
    ARG_TYPE_IMPULSE = "I"
    ARG_TYPE_TIMETAG = "t"
    ARG_TYPE_ARRAY_START = _START
    ARG_TYPE_ARRAY_STOP = _STOP

    def __init__(self, address: str | None = None) -> None:
        self.address = address
        """The address of the message."""
        self._args: list[tuple[str, ArgValue]] = []

    @property
    def args(self) -> list[tuple[str, ArgValue]]:
        """Type tags and values so far; those of an array are between brackets."""
        return self._args

    def add_arg(self, arg_value: ArgValue, arg_type: ArgType | None = None) -> None:
        """Add an argument.

        ``arg_type`` is one of the ARG_TYPE constants or, for an array, a list of them; it
        is inferred (:func:`oscbridge.osc.infer`) unless given. With T, F, N and I the value is
        ignored. Raises :class:`BuildError`, a ``ValueError``, for a type that is unknown or
        cannot be inferred.
        """
        if not arg_type:
            infer((arg_value,))  # validates all of it, including its depth
        self._args += list(_flatten(arg_value, arg_type, DEFAULT_LIMITS.max_depth))

    def build(self) -> OscMessage:
        """The message. Raises :class:`BuildError` if a value does not fit its type."""
        if not self.address:
            raise BuildError("the message has no address")
        types = "".join([tag for tag, _ in self._args])
        return _built(Message(self.address, types, tuple(_nest(iter(self._args)))))


def build_msg(address: str, value: ArgValue | Iterable[ArgValue] = "") -> OscMessage:
    """A message with one value, or several from an iterable; none for ``""``.

    Raises :class:`BuildError`.
    """
    args = () if isinstance(value, str) and not value else arguments_of(value)
    return _built(Message(address, infer(args), args))


def arguments_of(value: ArgValue | Iterable[ArgValue]) -> tuple[Argument, ...]:
    """One value, or several from an iterable.

    ``str``, ``bytes``, ``MIDI`` and ``TimeTag`` are one.
    """
    if isinstance(value, str | bytes | MIDI | TimeTag) or not isinstance(value, Iterable):
        return (cast(Argument, value),)
    return tuple(cast(Iterable[Argument], value))


def _built(message: Message) -> OscMessage:
    dgram = encode_message(message)
    if len(dgram) > LIMITS.max_packet_size:
        raise BuildError(
            f"message of {len(dgram)} bytes; at most {LIMITS.max_packet_size} are allowed"
        )
    return OscMessage.of(dgram)


def _flatten(
    value: ArgValue, arg_type: ArgType | None, depth: int
) -> Iterator[tuple[str, ArgValue]]:
    """Type tags and values; the value of a bracket is None."""
    if arg_type and not isinstance(arg_type, list | tuple):
        if arg_type not in TYPE_TAGS:
            raise BuildError(
                f"unknown type {arg_type!r}; expected one of {' '.join(TYPE_TAGS)}, or a list"
            )
        yield arg_type, value
        return
    if not arg_type and not isinstance(value, list):
        yield infer((value,)), value
        return
    if not isinstance(value, list | tuple):
        raise EncodeTypeError(f"expected an array for the types {arg_type!r}, got {value!r}")
    types: Sequence[ArgType | None] = arg_type or [None] * len(value)
    if len(types) != len(value):
        raise BuildError(f"{len(types)} types for the {len(value)} values of {value!r}")
    if depth == 0:
        raise BuildError("arrays are nested too deeply")
    yield _START, None
    for item, item_type in zip(value, types, strict=True):
        yield from _flatten(item, item_type, depth - 1)
    yield _STOP, None


def _nest(args: Iterator[tuple[str, ArgValue]]) -> Iterator[Argument]:
    """The values up to a closing bracket, for the encoder: arrays are lists."""
    for tag, value in args:
        if tag == _STOP:
            return
        if tag == _START:
            yield list(_nest(args))
        elif (row := TYPE_TAGS.get(tag)) is not None and row.constant is not None:
            yield row.constant[0]
        elif tag == "m" and isinstance(value, list):
            yield cast(Argument, tuple(value))
        else:
            yield cast(Argument, value)


__getattr__ = lazy_names(
    __name__,
    *("oscbridge.osc_message", "oscbridge.parsing.osc_types", "typing.Any"),
    *("typing.List", "typing.Optional", "typing.Tuple", "typing.Union"),
)
