"""The selector loop of the socketserver-based servers: start, wake-up, stop."""

from __future__ import annotations

import math
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.overrides import HANDLER_ERRORS
from oscbridge.dispatch.scheduler import LONGEST_WAIT
from oscbridge.net.any_host import family_of_any_host, is_any_host
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.waker import Waker

__all__ = ["INPUT", "SelectorServer", "family_of"]


def family_of(host: str, port: int, kind: socket.SocketKind) -> socket.AddressFamily:
    """The address family of a host: IPv4 if it has such an address or is unknown.

    So ``localhost`` is 127.0.0.1, where most senders expect it.
    """
    if is_any_host(host):
        return family_of_any_host()[0]
    try:
        found = {info[0] for info in socket.getaddrinfo(host, port, type=kind)}
    except OSError:
        return socket.AF_INET
    return socket.AF_INET6 if found == {socket.AF_INET6} else socket.AF_INET


INPUT: Final = "input"
"""``data`` of the selector key of the server's own socket."""


class SelectorServer(socketserver.BaseServer):
    """A server of :mod:`socketserver` with its own loop.

    The loop wakes up for input, for due messages in the dispatcher's scheduler, and to stop.
    Subclasses implement :meth:`_serve` and :meth:`_take_one`.
    """

    socket: socket.socket
    _dispatcher: Dispatcher
    _serving: threading.Thread | None = None

    def _prepare(self, dispatcher: Dispatcher) -> None:
        """Called before the address is bound. To be extended."""
        self._dispatcher = dispatcher
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._stopped.set()
        self._waker: Waker | None = None

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the packets that this server receives."""
        return self._dispatcher

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until :meth:`shutdown`. ``service_actions`` runs every ``poll_interval`` s."""
        self._stopped.clear()
        self._serving = threading.current_thread()
        try:
            with closing(Waker()) as self._waker, selectors.DefaultSelector() as selector:
                self._waker.register(selector)
                with self._dispatcher.scheduler.notify(self._waker.wake):
                    self._serve(selector, poll_interval)
        finally:
            self._waker = self._serving = None
            self._stopping.clear()
            self._stopped.set()

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        """Serve until ``_stopping`` is set. ``selector`` already contains the waker."""
        raise NotImplementedError

    def handle_request(self) -> None:
        """Wait for one datagram or connection, at most ``timeout`` seconds, and serve it.

        Scheduled messages run in the meantime.
        """
        deadline = math.inf if self.timeout is None else time.monotonic() + self.timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ, INPUT)
            while True:
                left = max(0.0, deadline - time.monotonic())
                ready = self._wait(selector, min(left, LONGEST_WAIT))
                self._dispatcher.scheduler.run_due()
                if ready:
                    self._take_one()
                    return
                if not left:
                    self.handle_timeout()
                    return

    def _take_one(self) -> bool:
        """Take one datagram or connection, if it is still available, and serve it.

        Returns whether there was one.
        """
        raise NotImplementedError

    def _wait(self, selector: selectors.BaseSelector, longest: float) -> bool:
        """Wait for input, until a scheduled message is due. True if there is input."""
        ready = selector.select(self._dispatcher.scheduler.wait(longest))
        if self._waker is not None:
            self._waker.clear()
        return any(key.data is INPUT for key, _ in ready)

    def request_shutdown(self) -> None:
        """Ask :meth:`serve_forever` to return, from any thread, without waiting for it."""
        self._stopping.set()
        self._wake()

    def _wake(self) -> None:
        waker = self._waker
        if waker is not None:
            waker.wake()

    def shutdown(self) -> None:
        """Make :meth:`serve_forever` return, and wait until it has.

        A handler of this server may call it, and does not wait.
        """
        self.request_shutdown()
        if not self._is_own(threading.current_thread()):
            self._stopped.wait()

    def _is_own(self, thread: threading.Thread) -> bool:
        """Whether the server waits for a thread before it stops."""
        return thread is self._serving

    def _is_replaced(self, name: str) -> bool:
        """Whether a subclass or a program has its own version of a method."""
        if not hasattr(self, name):
            return False
        function = getattr(getattr(self, name), "__func__", None)
        module: str = getattr(function, "__module__", "")
        inherited = module == "socketserver" and name != "process_request"  # not of a mixin
        return not (inherited or module.startswith("oscbridge.server."))

    def _guard(self, work: Callable[[], None], request: object, client: ClientAddress) -> None:
        """Run work on a request. Pass its exception to :meth:`handle_error`.

        If a program overrides that method, it also gets the exceptions of handlers, which are not
        logged then. What it raises is raised.
        """
        raised = False

        def report(_error: Exception) -> None:
            nonlocal raised
            try:
                self.handle_error(request, client)  # type: ignore[arg-type]
            except BaseException:
                raised = True
                raise

        token = HANDLER_ERRORS.set(report) if self._is_replaced("handle_error") else None
        try:
            work()
        except Exception as error:
            if raised:
                raise
            report(error)
        finally:
            if token is not None:
                HANDLER_ERRORS.reset(token)
