"""One application of a rule: the endpoint under check, its peer, and the observations."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any, Final

from oscbridge.access.control import AccessControl
from oscbridge.bridge.addresses.endpoint_handle import EndpointHandle
from oscbridge.bridge.addresses.space import AddressSpace
from oscbridge.bridge.sinks.connection import CLOSE_TIMEOUT, CONNECT_TIMEOUT
from oscbridge.bridge.watching import TrafficWatchers
from oscbridge.contract.abilities import Guarded, Serving, UsesAddresses
from oscbridge.contract.delivery import Delivery
from oscbridge.contract.endpoint import AnyEndpoint, Endpoint
from oscbridge.errors import EndpointError
from oscbridge.failures import defined_at, failure_text
from oscbridge.osc import Message
from oscbridge.testing.conformance.checked_host import CheckedHost
from oscbridge.testing.conformance.checked_type import CheckedType, RuleFailed, RuleNotRun
from oscbridge.testing.conformance.leftovers import OpenResources, leftovers
from oscbridge.testing.conformance.loop_watch import BlockedLoop, BlockWatch
from oscbridge.testing.conformance.openings import OpeningRecorder
from oscbridge.testing.conformance.peer import Peer, PeerMissing
from oscbridge.testing.conformance.places import module_prefix, waiting_place
from oscbridge.testing.waiting import becomes_true

__all__ = ["CheckedEndpoint", "RuleRun", "finished", "join", "start"]

SEND_TIMEOUT: Final = 2.0
"""Seconds for one call of ``send`` or ``send_batch``."""

JOIN_TIMEOUT: Final = 2.0
"""Seconds for a peer that has connected to become a client."""

CANCEL_TIMEOUT: Final = 1.0
"""Seconds for a call to end after its cancellation."""


class RuleRun:
    """What the body of a rule works with. On the event loop of the rule."""

    def __init__(self, subject: CheckedType, loop: asyncio.AbstractEventLoop) -> None:
        self.subject = subject
        self.kind = subject.endpoint
        self.prefix = module_prefix(self.kind.__module__)
        self.recorder = OpeningRecorder(self.prefix)
        self.watch = BlockWatch(loop, self.prefix)
        self.unhandled: list[str] = []
        """Exceptions that nothing handled: of callbacks, and of tasks that nothing awaits."""
        self.peer: Peer | None = None

    async def start_peer(self) -> Peer | None:
        """The peer, started; None if the type has none. Raises :class:`RuleNotRun`."""
        self.peer = peer = self.subject.new_peer()
        if peer is not None:
            await start(peer)
        return peer

    def new_endpoint(self) -> CheckedEndpoint:
        """An endpoint that leads to :attr:`peer`, attached to a host, not connected."""
        options = self.subject.make_options(self.peer)
        try:
            endpoint: AnyEndpoint = self.kind("checked", options)
        except BaseException as error:
            text = f"{self.kind.__name__}('checked', options) raises {failure_text(error)}"
            raise RuleFailed(f"{text}; report a problem in connect() instead") from error
        if not {"name", "options", "log"} <= vars(endpoint).keys():
            raise RuleFailed(
                f"{self.kind.__name__}.__init__ must call super().__init__(name, options) "
                f"({defined_at(self.kind.__init__)})"
            )
        return CheckedEndpoint(endpoint, self)

    async def connected(self) -> CheckedEndpoint:
        """A connected endpoint, with its peer if it has one.

        Raises :class:`RuleNotRun` if it cannot be connected without a peer.
        """
        if self.peer is None:
            await self.start_peer()
        checked = self.new_endpoint()
        await self.connect(checked)
        return checked

    async def connect(self, checked: CheckedEndpoint) -> None:
        """Connect an endpoint and join it. Raises as :meth:`connected`."""
        try:
            await checked.connect()
        except (OSError, EndpointError) as error:
            await checked.close()
            text = f"connect raises {failure_text(error)}"
            if self.peer is None:
                raise RuleNotRun(f"needs a peer: {text}; set {self.hint_at_peer}") from None
            raise RuleFailed(f"{text}, though its peer is running") from error
        if self.peer is not None:
            await join(self.peer, checked.endpoint)

    @property
    def hint_at_peer(self) -> str:
        """The attribute that names the peer."""
        return f"{self.kind.__name__}.example_peer"

    @property
    def _peer_file(self) -> str:
        """The file of the peer's class; empty if it is that of the endpoint as well."""
        if self.peer is None:
            return ""
        own, file = (_file_of(each) for each in (self.kind, type(self.peer)))
        return "" if own == file else file

    async def expect_nothing_left(self, before: OpenResources, when: str) -> None:
        """Raise :class:`RuleFailed` if something is open that was not ``before``."""
        left = await leftovers(before, self.recorder, self.prefix, self._peer_file)
        if left:
            more = f", and {len(left) - 1} more" if len(left) > 1 else ""
            fix = "release it in close()"
            if left[0].startswith("task"):
                fix = "start it with self.start_task(), or cancel it in close()"
            if left[0].startswith("timer"):
                fix = "cancel it in close(), after which it must not call the endpoint"
            if self._peer_file and self._peer_file in left[0]:
                fix = "the peer must close a connection that the endpoint closes"
            raise RuleFailed(f"{when}, this is left: {left[0]}{more}; {fix}")


class CheckedEndpoint:
    """An endpoint whose methods are called as the bridge calls them, with time limits.

    ``OSError`` and :class:`oscbridge.EndpointError` are raised as they are, anything else that a
    method should not do as :class:`RuleFailed`.
    """

    def __init__(self, endpoint: AnyEndpoint, run: RuleRun) -> None:
        self.endpoint = endpoint
        self.host = CheckedHost(endpoint, run.prefix)
        self._run = run
        if isinstance(endpoint, Guarded):
            endpoint.access = AccessControl(endpoint.name)
        if isinstance(endpoint, UsesAddresses):
            space = AddressSpace(TrafficWatchers())
            endpoint.addresses = EndpointHandle(space, endpoint.name)
        endpoint.attach(self.host)

    @property
    def message(self) -> Message:
        """A message that it can deliver."""
        return Message.of("/example", 1) if self._run.peer is None else self._run.peer.message

    @property
    def name_of_send(self) -> str:
        """``send_batch`` or ``send``, as the bridge chooses."""
        by_batch = type(self.endpoint).send_batch is not Endpoint.send_batch
        return "send_batch" if by_batch else "send"

    async def connect(self) -> None:
        """Connect it."""
        await self.call("connect", self.endpoint.connect(), CONNECT_TIMEOUT)

    async def send(self, *messages: Message, limit: float = SEND_TIMEOUT) -> None:
        """Send it messages: all at once, if it takes batches."""
        calls = self.calls_of_send(*messages)
        for index, (what, call) in enumerate(calls):
            try:
                await self.call(what, call, limit)
            except BaseException:
                for _, unused in calls[index + 1 :]:
                    unused.close()
                raise

    def calls_of_send(self, *messages: Message) -> list[tuple[str, Any]]:
        """The coroutines that send messages, with the names of their methods."""
        endpoint = self.endpoint
        items: list[Any] = list(messages or (self.message,))
        if endpoint.route_options_type is not None:
            items = [Delivery(message, None, {}) for message in items]
        if self.name_of_send == "send_batch":
            return [("send_batch", endpoint.send_batch(items))]
        return [("send", endpoint.send(item)) for item in items]

    async def close(self) -> None:
        """Close it, its tasks first. Raises :class:`RuleFailed` for whatever it raises."""
        self.host.cancel_tasks()
        try:
            await self.call("close", self.endpoint.close(), CLOSE_TIMEOUT)
        except (OSError, EndpointError) as error:
            raise RuleFailed(
                f"close raises {failure_text(error)}; it is also called when nothing is open, and "
                "what cannot be closed any more must not be an error"
            ) from error

    async def call(self, what: str, coroutine: Awaitable[object], limit: float) -> None:
        """Await a call of the method ``what`` within ``limit`` seconds."""
        task = asyncio.ensure_future(finished(coroutine))
        await asyncio.wait([task], timeout=limit)
        if not task.done():
            place = waiting_place(coroutine, self._run.prefix)
            task.cancel()
            await asyncio.wait([task], timeout=CANCEL_TIMEOUT)
            where = f", waiting at {place}" if place else ""
            raise RuleFailed(f"{what} does not return within {limit:g} s{where}")
        self.raise_wrong(what, task.result())

    def raise_wrong(self, what: str, error: BaseException | None) -> None:
        """Raise the error of a call: as it is, or as :class:`RuleFailed` if it is a mistake."""
        if error is None:
            return
        if isinstance(error, OSError | EndpointError):
            raise error
        text = f"{what} raises {failure_text(error)}"
        if isinstance(error, BlockedLoop):
            raise RuleFailed(f"{what}: {failure_text(error)}") from error
        kind = "oscbridge.EndpointError or OSError" if what == "connect" else "oscbridge.BadMessage"
        if what.startswith("send"):
            kind = "oscbridge.NotConnected to keep the message, oscbridge.BadMessage to reject it"
        if what == "close":
            raise RuleFailed(f"{text}; close must not raise") from error
        raise RuleFailed(f"{text}; raise {kind}") from error


def _file_of(kind: type) -> str:
    try:
        return inspect.getsourcefile(kind) or ""
    except TypeError:
        return ""


async def start(peer: Peer) -> None:
    """Start a peer. Raises :class:`RuleNotRun` and :class:`RuleFailed`."""
    try:
        await peer.start()
    except PeerMissing as error:
        raise RuleNotRun(str(error)) from error
    except OSError as error:
        raise RuleFailed(f"the peer {type(peer).__name__} does not start: {error}") from error


async def join(peer: Peer, endpoint: AnyEndpoint) -> None:
    """Let a peer connect to an endpoint that is a server. Raises :class:`RuleFailed`."""
    where = endpoint.describe()
    try:
        await peer.join(where)
    except OSError as error:
        raise RuleFailed(f"its peer cannot connect to {where!r}: {error}") from error
    if not peer.is_client or not isinstance(endpoint, Serving):
        return
    if not await becomes_true(lambda: endpoint.client_count, JOIN_TIMEOUT):
        raise RuleFailed(
            f"its peer has connected to {where!r}, and client_count is still 0 after "
            f"{JOIN_TIMEOUT:g} s"
        )


async def finished(coroutine: Awaitable[object]) -> BaseException | None:
    """Await something. Returns what it raises, whatever that is."""
    try:
        await coroutine
    except BaseException as error:
        return error
    return None
