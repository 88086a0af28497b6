"""Functions of routes, ``function = "my_show:to_decibels"``, and the messages that they return."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Final, TypeAlias, cast

from oscbridge.errors import EncodeError
from oscbridge.exit_guard import exits_refused
from oscbridge.failures import failure_text
from oscbridge.osc import Message, encode_message

__all__ = ["MAX_FROM_FUNCTION", "Function", "checked", "load_function", "several"]

Function: TypeAlias = Callable[[Message], Message | Iterable[Message] | None]

MAX_FROM_FUNCTION: Final = 1_000
"""Messages that a function may return for one message."""


def load_function(name: str) -> Function:
    """The callable that ``module:callable`` names. Raises ``ValueError``, in one line."""
    module_name, separator, path = name.partition(":")
    if not (separator and module_name and path) or module_name.startswith("."):
        raise ValueError("write it as module:callable, for example my_show:to_decibels")
    try:
        with exits_refused():
            target: object = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            text = f"{module_name!r} cannot be imported: {failure_text(error)}"
            raise ValueError(text) from None
        raise ValueError(
            f"unknown module {module_name!r}; put {module_name.partition('.')[0]}.py "
            "beside the configuration file, or install it"
        ) from None
    except BaseException as error:
        text = f"{module_name!r} cannot be imported: {failure_text(error)}"
        raise ValueError(text) from None
    for part in path.split("."):
        target = getattr(target, part, None)
        if target is None:
            raise ValueError(f"{module_name!r} has no {path!r}")
    if not callable(target):
        raise ValueError("not a function")
    if any(
        asks(each)
        for asks in (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
        for each in (target, getattr(target, "__call__", None))  # noqa: B004
    ):
        raise ValueError("must not be an async function: a route cannot wait for it")
    return cast(Function, target)


def several(made: object) -> Iterable[object]:
    """The messages that a function returned. Raises ``TypeError`` if it did not return messages."""
    if isinstance(made, Message):
        return (made,)
    if isinstance(made, str | bytes | Mapping) or not isinstance(made, Iterable):
        raise TypeError(f"must return a Message, got {made!r}")
    return made


def checked(made: object, source: Message) -> Message:
    """A message that a function returned, with the origin and the time tag of ``source``.

    Raises ``TypeError`` if it is not a message and :class:`EncodeError` if it cannot be encoded.
    """
    if not isinstance(made, Message):
        raise TypeError(f"must return a Message, got {made!r}")
    if type(made.address) is not str or type(made.types) is not str:
        made = _plain(made)
    try:
        encode_message(made)
    except (AttributeError, TypeError) as error:  # e.g. an address that is not text
        raise EncodeError(f"cannot encode {made!r}: {error}") from None
    timetag = source.timetag if made.timetag is None else made.timetag
    address = made.address if made.address.startswith("/") else f"/{made.address}"
    return Message(address, made.types, tuple(made.args), timetag, source.origin)


def _plain(made: Message) -> Message:
    """The message with address and type tags of the type ``str`` itself.

    Caches keep them, for the messages of other routes too: these must not call the methods of
    another class.
    """
    address: object = made.address
    types: object = made.types
    if type(address) is not str and isinstance(address, str):
        made = made._replace(address=str.__str__(address))
    if type(types) is not str and isinstance(types, str):
        made = made._replace(types=str.__str__(types))
    return made
