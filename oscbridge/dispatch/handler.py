"""Handlers: what is called with a message, and how it wants to be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol, TypeAlias, cast, runtime_checkable

from oscbridge.errors import EncodeError
from oscbridge.osc.message import Message, encode_message, encode_values
from oscbridge.osc.values import Argument

__all__ = ["Bindable", "Call", "ClientAddress", "Handler", "Reply", "encode_reply"]

ClientAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
Reply: TypeAlias = Callable[[ClientAddress, object], None]
"""Takes what a handler returned, if it was not None, and the client to answer."""

Call: TypeAlias = Callable[[ClientAddress, Message], object]
"""A callback, as a function of client and message."""


@runtime_checkable
class Bindable(Protocol):
    """A handler that prepares itself once for every address and type tags that it meets."""

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], object] | None:
        """What to call with each such message, or None for nothing."""


class Handler:
    """A callback and how it wants to be called."""

    def __init__(
        self,
        _callback: Callable[..., object] | Bindable,
        _args: list[object],
        _needs_reply_address: bool = False,
        _needs_message: bool = False,
    ) -> None:
        self.callback = _callback
        self.args = _args
        self.needs_reply_address = _needs_reply_address
        self.needs_message = _needs_message
        # Asked once: Python takes microseconds to hold an object against a protocol.
        self._binds = isinstance(_callback, Bindable)
        self._call: Call | None = None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Handler)
            and self.callback == other.callback
            and self.args == other.args
            and self.needs_reply_address == other.needs_reply_address
            and self.needs_message == other.needs_message
        )

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Handler {getattr(self.callback, '__qualname__', self.callback)!s}>"

    @property
    def plain(self) -> bool:
        """Called with the address and the arguments alone."""
        return not (self.args or self.needs_reply_address or self.needs_message or self._binds)

    def invoke(self, client_address: ClientAddress, message: Message) -> object:
        """Call the callback with a message and return what it returns."""
        call = self.call(message.address, message.types, {})
        return None if call is None else call(client_address, message)

    async def async_invoke(self, client_address: ClientAddress, message: Message) -> object:
        """Call the callback, await it if it is a coroutine, and return what it returns."""
        result = self.invoke(client_address, message)
        return await result if inspect.isawaitable(result) else result

    def call(self, address: str, types: str | None, captures: dict[str, str]) -> Call | None:
        """The callback as a function of client and message."""
        if self._binds:
            bound = cast(Bindable, self.callback).bind(address, types, captures)
            return None if bound is None else lambda _client, message: bound(message)
        if self._call is None:
            self._call = self._plain_call()
        return self._call

    def _plain_call(self) -> Call:
        callback, args = cast(Callable[..., object], self.callback), self.args
        if self.needs_message:
            return lambda _client, message: callback(message)
        if self.needs_reply_address:
            if args:
                return lambda client, message: callback(
                    client, message.address, args, *message.args
                )
            return lambda client, message: callback(client, message.address, *message.args)
        if args:
            return lambda _client, message: callback(message.address, args, *message.args)
        return lambda _client, message: callback(message.address, *message.args)


def encode_reply(result: object) -> bytes:
    """The packet for what a handler returned: an address, ``(address, *args)`` or a message.

    Raises :class:`~oscbridge.errors.EncodeError` for anything else.
    """
    match result:
        case Message():
            return encode_message(result)
        case (address, *args):
            return encode_values(_text(address), cast(list[Argument], args))
        case _:
            return encode_values(_text(result), ())


def _text(address: object) -> str:
    if not isinstance(address, bytes):
        return str(address)
    try:
        return address.decode()
    except UnicodeDecodeError as error:
        raise EncodeError(f"address {address!r} is not UTF-8: {error}") from None
