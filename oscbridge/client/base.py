"""Base classes of the OSC clients, for any transport."""

from __future__ import annotations

import math
import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from oscbridge.dispatch.scheduler import LONGEST_WAIT, Scheduler
from oscbridge.errors import DecodeError
from oscbridge.net.host_name import HostError, check_host
from oscbridge.osc import Limits
from oscbridge.osc.limits import MAX_PACKET_SIZE
from oscbridge.osc_message import OscMessage
from oscbridge.osc_packet import OscPacket, Sendable, datagram_of

# The dispatcher and logs are imported on first use: a program that only sends starts faster.
if TYPE_CHECKING:
    from oscbridge.dispatch.dispatcher import Dispatcher
    from oscbridge.logs.rate_limited import RateLimitedLog
    from oscbridge.net.socket_address import ClientAddress

__all__ = [
    "DEFAULT_TIMEOUT",
    "BaseClient",
    "BlockingClient",
    "BlockingDispatchClient",
    "ClientDispatcher",
    "DispatchingClient",
    "ImpossibleHost",
    "ImpossiblePort",
    "find",
    "packets_of",
    "replaces_receive",
    "wait_for",
]

MAX_PORT: Final = 65_535

DEFAULT_TIMEOUT: Final = 30.0
"""Default of the seconds to connect, to send, and to wait for packets."""

# Not select(), which fails in a program with a thousand open files.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class ImpossibleHost(HostError, socket.gaierror):
    """A text that can never be a host. For programs it is also an unknown host, an ``OSError``."""


class ImpossiblePort(OverflowError, socket.gaierror):
    """A port that does not exist: python-osc raises one or the other error."""


def wait_for(sock: socket.socket, event: int, seconds: float) -> bool:
    """Wait until a socket can be read or written; False after ``seconds``, at most 60."""
    with _Selector() as selector:
        selector.register(sock, event)
        return bool(selector.select(min(seconds, LONGEST_WAIT)))


def find(
    address: str, port: int, family: socket.AddressFamily, kind: socket.SocketKind
) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Family and socket address for every address of a host, IPv4 first.

    So ``localhost`` is where the servers of this package listen. Raises ``OSError``, of which an
    :class:`ImpossibleHost` for a text that can never be a host, and an :class:`ImpossiblePort` for
    a port above 65535, which the system would reduce to another one.
    """
    if address:
        try:
            check_host(address)
        except HostError as error:
            raise ImpossibleHost(str(error), is_placeholder=error.is_placeholder) from None
    if type(port) is int and not 0 <= port <= MAX_PORT:  # programs also give texts
        raise ImpossiblePort(f"port must be 0 to {MAX_PORT}, got {port}")
    # As bytes: for text Python loads the codec of international names, which takes a millisecond.
    host = address.encode() if address and address.isascii() else address
    found = socket.getaddrinfo(host, port, family=family, type=kind)
    for info in sorted(found, key=lambda info: info[0] != socket.AF_INET):
        yield info[0], info[4]


def replaces_receive(client: object) -> bool:
    """Whether a subclass or a program has its own ``receive``, through which packets must go."""
    method = getattr(client, "receive", None)
    return not getattr(method, "__module__", "").startswith("oscbridge.client.")


def packets_of(received: bytes | list[bytes]) -> list[bytes]:
    """The packets that ``receive`` of any client returns."""
    if isinstance(received, bytes):
        return [received] if received else []
    return received


class BaseClient:
    """The messages and errors of one server."""

    _without_timeout = math.inf
    """Seconds to wait when neither a call nor the client has a timeout."""
    _ended = False
    """No more packets can arrive."""

    def __init__(self, server: ClientAddress, timeout: float | None) -> None:
        self.bad: Counter[str] = Counter()
        """Packets from the server that were not valid OSC, by :attr:`DecodeError.reason`."""
        self._server = server
        self._timeout = timeout
        self._unread: deque[OscMessage] = deque()
        """Messages of a packet of which one was already returned."""

    @cached_property
    def _errors_log(self) -> RateLimitedLog:
        import logging

        from oscbridge.logs.rate_limited import RateLimitedLog

        return RateLimitedLog(logging.getLogger(__name__))

    def _deadline(self, timeout: float | None) -> float:
        seconds = self._timeout if timeout is None else timeout
        return time.monotonic() + (self._without_timeout if seconds is None else seconds)

    def _keep_messages(self, packets: list[bytes]) -> None:
        """Keep the messages of packets for the reader. Invalid packets are counted."""
        for packet in packets:
            try:
                self._unread += [timed.message for timed in OscPacket(packet).messages]
            except DecodeError as error:
                self._report_bad(error)

    def _report_bad(self, error: DecodeError) -> None:
        self.bad[error.reason] += 1
        server = f"{self._server[0]}:{self._server[1]}"
        self._errors_log.report(error.reason, f"bad packet from server {server}: {error}")


class BlockingClient(BaseClient, ABC):
    """A client with blocking methods."""

    @abstractmethod
    def _send_packet(self, packet: bytes) -> None: ...

    @abstractmethod
    def _take(self, seconds: float) -> list[bytes]:
        """Packets that arrive within a time; possibly none even before it is over."""

    @abstractmethod
    def close(self) -> None:
        """Close the socket."""

    def send(self, content: Sendable) -> None:
        """Send a message or a bundle. Raises :class:`EncodeError` or ``OSError``."""
        self._send_packet(datagram_of(content))

    def _wait(self, timeout: float | None, scheduler: Scheduler | None = None) -> list[bytes]:
        """The next packets; none after the timeout. Scheduled messages run in the meantime."""
        deadline = self._deadline(timeout)
        while True:
            left = max(0.0, deadline - time.monotonic())
            if scheduler is None:
                packets = self._take(left)
            else:
                packets = self._take(scheduler.wait(min(left, LONGEST_WAIT)))
                scheduler.run_due()
            if packets or not left or self._ended:
                return packets

    def _get_messages(self, timeout: float | None) -> Iterator[OscMessage]:
        """Messages, until none arrives within the timeout. Unread ones remain for the next call."""
        while True:
            while self._unread:
                yield self._unread.popleft()
            packets = self._next(timeout)
            if not packets:
                return
            self._keep_messages(packets)

    def _next(self, timeout: float | None, scheduler: Scheduler | None = None) -> list[bytes]:
        """The next packets, from ``receive`` if a program overrides it."""
        if not replaces_receive(self):
            return self._wait(timeout, scheduler)
        received = getattr(self, "receive")(timeout)  # noqa: B009
        return packets_of(received)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class ClientDispatcher:
    """The attribute ``dispatcher`` of clients, created on first use.

    Each client has its own. A program that maps handlers on the class, as python-osc allows, gets
    one dispatcher for the class, and it is that of the clients that have no other yet.
    """

    def __init__(self) -> None:
        self._of_class: dict[type, Dispatcher] = {}

    def __get__(self, client: DispatchingClient | None, owner: type) -> Dispatcher:
        if client is None:
            return self._of_class.setdefault(_python_osc_class(owner), _new_dispatcher())
        found: Dispatcher | None = vars(client).get("dispatcher")
        if found is None:
            found = self._of_class.get(_python_osc_class(owner)) or _new_dispatcher()
            vars(client)["dispatcher"] = found
        return found

    def __set__(self, client: DispatchingClient, dispatcher: Dispatcher) -> None:
        vars(client)["dispatcher"] = dispatcher


def _new_dispatcher() -> Dispatcher:
    from oscbridge.dispatch.dispatcher import Dispatcher

    return Dispatcher(limits=Limits(max_packet_size=MAX_PACKET_SIZE))


def _python_osc_class(owner: type) -> type:
    """The class of this package from which a client's class derives: its subclasses share."""
    return next(each for each in owner.__mro__ if each.__module__.startswith("oscbridge."))


class DispatchingClient(BaseClient):
    """Dispatches the messages of the server, and sends what the handlers return."""

    dispatcher = ClientDispatcher()
    """This client's own dispatcher. Can be replaced."""


class BlockingDispatchClient(DispatchingClient, BlockingClient):
    """A blocking client that dispatches."""

    def _handle_messages(self, timeout: float | None) -> None:
        while packets := self._next(timeout, self.dispatcher.scheduler):
            dispatch = self.dispatcher.entry()
            for packet in packets:
                dispatch(packet, self._server, self._answer)

    def _answer(self, client: ClientAddress, result: object) -> None:
        from oscbridge.dispatch.replies import packet_for, report_unsent

        packet = packet_for(self.dispatcher, client, result)
        if packet is not None:
            try:
                self._send_packet(packet)
            except OSError as error:
                report_unsent(self.dispatcher, client, error)
