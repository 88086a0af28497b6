"""Calls the handlers of one message, after a watcher and a screen have seen it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from oscbridge.dispatch.cache import Target, Watcher
from oscbridge.dispatch.handler import Reply
from oscbridge.dispatch.overrides import HANDLER_ERRORS
from oscbridge.dispatch.packet_reader import PacketReader
from oscbridge.dispatch.timing import Timing
from oscbridge.errors import MessageDropped
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.message import Message

__all__ = ["HandlerCalls", "Screen"]


class Screen(Protocol):
    """Looks at received messages before the handlers."""

    def __call__(
        self, message: Message, client: ClientAddress, digest: int | None = None
    ) -> Message:
        """The message that the handlers get. Raises :class:`MessageDropped` if they get none.

        ``digest`` stands for the message as received, if that has changed since.
        """


_Call: TypeAlias = Callable[[Target, Message, ClientAddress, Reply], None]


class HandlerCalls(Timing, PacketReader):
    """Calls handlers in one of several ways: the plain one costs nothing for the others."""

    def _prepare_calls(self) -> None:
        """To be called first."""
        self._is_abandoned = False
        self._screen: Screen | None = None
        self._screened: _Call = self._call_handlers
        self._call: _Call = self._call_handlers
        self._choose_call()

    def watch(self, watcher: Watcher | None) -> None:
        """Set a function to call with every message, before its handlers; None removes it.

        A message that waits for its time tag is shown when it arrives. It runs where the handlers
        run and must not block. Without one, watching costs nothing.
        """
        self._watcher = watcher
        self._choose_call()
        self._clear_cache()

    def screen(self, screen: Screen | None) -> None:
        """Set a function that may replace or drop each message; None removes it.

        It runs where the handlers run, before them, and must not block. Callbacks that take only
        an address and arguments are called without it.
        """
        if screen is self._screen:
            return
        self._screen = screen
        self._screened = self._call_handlers if screen is None else self._call_screened
        self._choose_call()

    def abandon(self) -> None:
        """Drop and count all further messages that have handlers, as the program ends.

        From any thread: a batch that another one handles ends with the current message.
        Callbacks that take only an address and arguments are still called.
        """
        self._is_abandoned = True
        self._choose_call()

    def _choose_call(self) -> None:
        if self._is_abandoned:
            self._call = self._drop
        else:
            self._call = self._screened if self._watcher is None else self._call_watched
        plain = HandlerCalls._call_handlers
        self._calls_directly = getattr(self._call, "__func__", None) is plain
        """Whether :attr:`_call` does no more than to count and to call."""

    def _call_watched(
        self, target: Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        watcher = self._watcher  # another thread may remove it
        if watcher is not None:
            watcher(message)
        self._screened(target, message, client_address, reply)

    def _call_screened(
        self, target: Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        try:
            message = self.screened(message, client_address)
        except MessageDropped as error:
            self.report_dropped(error.reason, 1, str(error))
            return
        self._call_handlers(target, message, client_address, reply)

    def screened(
        self, message: Message, client_address: ClientAddress, digest: int | None = None
    ) -> Message:
        """What :meth:`screen` makes of a message. Raises :class:`MessageDropped`."""
        screen = self._screen  # another thread may remove it
        return message if screen is None else screen(message, client_address, digest)

    def _drop(
        self, target: Target, message: Message, _client: ClientAddress, _reply: Reply
    ) -> None:
        if target.calls:
            self.report_dropped("stopped", 1, "not handled before the stop")
        else:
            self.count_unmatched(message.address)

    def _call_handlers(
        self, target: Target, message: Message, client_address: ClientAddress, reply: Reply
    ) -> None:
        if not target.calls:
            self.count_unmatched(message.address)
            return
        self.statistics.routed += 1
        for call, takes_message, handler in target.calls:
            try:
                result = call(message) if takes_message else call(client_address, message)
            except Exception as error:
                self._failed(handler.callback, message.address, error)
                continue
            if result is not None:
                reply(client_address, result)

    def _failed(self, callback: object, address: str, error: Exception) -> None:
        if (on_error := HANDLER_ERRORS.get()) is not None:
            self.statistics.failed += 1
            on_error(error)
            return
        name = getattr(callback, "__qualname__", None) or repr(callback)
        self.report_failure(f"handler {name}", error, f" for {address}")
