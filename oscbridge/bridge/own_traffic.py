"""Ends loops through the sockets of one program: a sink sends to where one of its sources listens.

On the way a message loses its origin, and with it the number of endpoints that it came through.
So while a sink sends to the program itself, the sinks note the hops of what they send, and the
sources look up messages from these ports. Otherwise it costs nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from oscbridge.bridge.clients.sink import BridgeSink
from oscbridge.bridge.hops import MAX_HOPS, TOO_MANY_HOPS, hops_of, origin_after
from oscbridge.bridge.recent_hops import RecentHops, digest_of
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.errors import MessageDropped
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message

__all__ = ["OwnTraffic"]


class OwnTraffic:
    """Counts the hops of messages that a program sends to itself, and drops those of loops.

    On the event loop, but for :meth:`screen`. ``is_own`` says whether a host is this machine.
    """

    def __init__(self, is_own: Callable[[str], bool] | None = None) -> None:
        self._is_own = is_own or _is_own
        self._recent = RecentHops()
        self._ports: frozenset[int] = frozenset()
        """The ports that sinks send from."""
        self._runners: Mapping[str, EndpointRunner] = {}
        self._dispatchers: Mapping[str, Dispatcher] = {}
        self._listening: Mapping[str, int] = {}

    def use(
        self,
        runners: Mapping[str, EndpointRunner],
        listeners: Mapping[str, Listener],
        dispatchers: Mapping[str, Dispatcher],
    ) -> None:
        """Watch these sinks and sources from now on."""
        self._runners, self._dispatchers = runners, dispatchers
        self._listening = {name: each.address.port for name, each in listeners.items()}
        for runner in runners.values():
            runner.on_link_change = self._update
        self._update()

    def _update(self) -> None:
        """Begin or end to note hops, after a socket was opened or closed."""
        ports = self._ports_of_sinks() if self._sends_to_itself() else {}
        self._ports = frozenset(ports.values())
        for name, runner in self._runners.items():
            port = ports.get(name)
            runner.note_sent(None if port is None else partial(self._note, port))
        for dispatcher in self._dispatchers.values():
            dispatcher.screen(self.screen if ports else None)

    def _sends_to_itself(self) -> bool:
        """Whether the target of any sink is a socket of this program."""
        links = [each.link for each in self._runners.values() if each.link is not None]
        receiving = {*self._listening.values(), *(near[1] for near, _ in links)}
        targets = {(remote[0], remote[1]) for _, remote in links}
        for name in self._listening:
            runner = self._runners.get(name)
            if runner is not None and isinstance(runner.endpoint, BridgeSink):
                targets.update(runner.endpoint.options.static)
        return any(port in receiving and self._is_own(host) for host, port in targets)

    def _ports_of_sinks(self) -> dict[str, int]:
        """The local ports of sinks that send OSC; one is that of the server of a bridge."""
        ports = {name: each.link[0][1] for name, each in self._runners.items() if each.link}
        bridges = {name: port for name, port in self._listening.items() if name in self._runners}
        return ports | bridges

    def _note(self, port: int, messages: Sequence[Deliverable]) -> None:
        """A sink is about to send these from a port."""
        for each in messages:
            message = each.message if isinstance(each, Delivery) else each
            self._recent.add(port, digest_of(message), hops_of(message.origin) + 1)

    def screen(self, message: Message, client: ClientAddress, digest: int | None = None) -> Message:
        """The received message with its hops. Raises ``MessageDropped`` if there are too many.

        ``digest`` is that of the message as received, if it has changed since. From any thread.
        """
        if client[1] not in self._ports:
            return message
        hops = self._recent.get(client[1], digest_of(message) if digest is None else digest)
        if hops > MAX_HOPS:
            raise MessageDropped("loop", TOO_MANY_HOPS)
        if not hops or message.origin is None:
            return message
        source, peer = message.origin
        return message._replace(origin=origin_after(source, peer, hops))


def _is_own(host: str) -> bool:
    """Whether packets to an address, also a multicast or broadcast one, reach this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
