"""Handlers: callbacks and the arguments they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol, TypeAlias, cast, runtime_checkable

from oscbridge.errors import EncodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.message import Message, encode_message, encode_values
from oscbridge.osc.values import Argument

__all__ = ["Bindable", "Call", "Handler", "Reply", "encode_reply"]

Reply: TypeAlias = Callable[[ClientAddress, object], None]
"""Called with the client to reply to and the result of a handler, unless that is None."""

Call: TypeAlias = Callable[..., object]
"""A callback as a function of the message, or of client and message."""


@runtime_checkable
class Bindable(Protocol):
    """A handler that prepares a call once for each address with type tags."""

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], object] | None:
        """The function to call with each such message, or None to ignore them."""


class Handler:
    """A callback and the arguments it takes."""

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
        self.order = 0
        """Its place among the handlers of a message; of two equal ones the address decides."""
        # Of its class: a mock, as in the tests of programs, has any attribute.
        self._binds = callable(getattr(type(_callback), "bind", None))
        self._call: Call | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_call": None}  # it cannot be pickled, and is made when needed

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
        """Whether it takes only the address and the arguments."""
        return not (self.args or self.needs_reply_address or self.needs_message or self._binds)

    @property
    def takes_message(self) -> bool:
        """Whether :meth:`call` returns a function of the message alone, without the client."""
        return self._binds or self.needs_message

    def invoke(self, client_address: ClientAddress, message: Message) -> object:
        """Call the callback with a message and return its result."""
        call = self.call(message.address, message.types, {})
        if call is None:
            return None
        return call(message) if self.takes_message else call(client_address, message)

    async def async_invoke(self, client_address: ClientAddress, message: Message) -> object:
        """Call the callback, await its result if it is awaitable, and return it."""
        result = self.invoke(client_address, message)
        return await result if inspect.isawaitable(result) else result

    def call(self, address: str, types: str | None, captures: dict[str, str]) -> Call | None:
        """The callback as a function: see :attr:`takes_message`. None ignores the message."""
        if self._binds:
            return cast(Bindable, self.callback).bind(address, types, captures)
        if self._call is None:
            self._call = self._plain_call()
        return self._call

    def _plain_call(self) -> Call:
        callback, args = cast(Callable[..., object], self.callback), self.args
        if self.needs_message:
            return callback
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
    """The packet for the result of a handler: an address, ``(address, *args)`` or a message.

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
    """The address of a reply: a text, with or without a slash. Handlers also return other values,
    by mistake."""
    try:
        text = address.decode() if isinstance(address, bytes) else address
    except UnicodeDecodeError as error:
        raise EncodeError(f"address {address!r} is not UTF-8: {error}") from None
    if not isinstance(text, str):
        raise EncodeError(f"address must start with '/', got {text!r}")
    return text
