"""The UDP clients of a bridge: bounded, and forgotten when they are silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final

from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.net.allowlist import AllowList
from oscbridge.net.socket_address import ClientAddress

__all__ = ["MAX_CLIENTS_PER_ADDRESS", "ClientRegistry", "RegisteredClient", "is_local"]

MAX_CLIENTS_PER_ADDRESS: Final = 8
"""UDP clients of one IP address. A further one replaces the one silent longest."""

MAX_REFUSED: Final = 1_024
"""Refused addresses that are known, so that each is reported once. A full set is cleared."""


class RegisteredClient:
    """One client."""

    __slots__ = ("address", "heard", "is_active", "is_static")

    def __init__(self, address: ClientAddress, heard: float, *, is_static: bool) -> None:
        self.address = address
        self.heard = heard
        """When it sent something last, in seconds of ``clock``."""
        self.is_static = is_static
        self.is_active = is_static
        """Whether it gets messages; a new one at first gets a snapshot."""


class ClientRegistry:
    """The clients by the address that they are sent to. Thread-safe.

    UDP senders can be forged. So only addresses in ``allow``, or without it local ones, are
    registered, at most ``max``, and at most eight per IP address. ``refused`` is called with a
    line about each refused sender. Pure: ``clock`` returns seconds.
    """

    def __init__(
        self, allow: AllowList, clock: Callable[[], float], refused: Callable[[str], None]
    ) -> None:
        self.options = BridgeClientOptions()
        self._allow = allow
        self._clock = clock
        self._on_refused = refused
        self._lock = threading.Lock()
        self._clients: dict[ClientAddress, RegisteredClient] = {}
        self._refused: set[str] = set()

    def configure(self, options: BridgeClientOptions, static: Iterable[ClientAddress]) -> None:
        """Use other options. Clients stay, unless they are registered by another port now."""
        with self._lock:
            if options.reply_port != self.options.reply_port:
                self._clients.clear()
            self._refused.clear()
            self.options = options
            fixed = set(static)
            self._clients = {
                address: client
                for address, client in self._clients.items()
                if address in fixed or not client.is_static
            }
            for address in fixed:
                self._clients[address] = RegisteredClient(address, self._clock(), is_static=True)

    def adopt(self, other: ClientRegistry) -> None:
        """Take over the clients of a registry with the same options, as far as they are allowed."""
        with self._lock:
            for client in other._clients.values():
                address = client.address
                if address in self._clients or self._problem_of(address[0]):
                    continue
                if not self._make_room(address):
                    self._clients[address] = client
            self._prune(self._clock())

    def key(self, sender: ClientAddress) -> ClientAddress:
        """The address to which messages for a sender are sent."""
        port = self.options.reply_port
        if port is None:
            return sender
        return (sender[0], port) if len(sender) == 2 else (sender[0], port, *sender[2:])

    def renew(self, sender: ClientAddress, now: float) -> bool:
        """Note that a sender was heard, if it is a client. Returns whether it is one."""
        client = self._clients.get(self.key(sender))
        if client is None or (now - client.heard > self.options.forget and not client.is_static):
            return False
        client.heard = now
        return True

    def add(self, sender: ClientAddress) -> ClientAddress | None:
        """Register a sender. Returns its address if it is new, else None."""
        now, key = self._clock(), self.key(sender)
        with self._lock:
            self._prune(now)
            client = self._clients.get(key)
            if client is not None:
                client.heard = now
                return None
            if sender[0] in self._refused:
                return None
            if text := self._problem_of(sender[0]) or self._make_room(key):
                if len(self._refused) >= MAX_REFUSED:
                    self._refused.clear()
                self._refused.add(sender[0])
            else:
                self._clients[key] = client = RegisteredClient(key, now, is_static=False)
                client.is_active = not self.options.snapshot
        if text:
            self._on_refused(text)
            return None
        return key

    def _problem_of(self, host: str) -> str:
        """Why a host must not be registered; empty if it may be."""
        if host in self._allow if self._allow else is_local(host):
            return ""
        why = "not allowed" if self._allow else "not a local address"
        return f"{host} as a client: {why}; add it to 'allow'"

    def _make_room(self, key: ClientAddress) -> str:
        """Room for another client. Returns why there is none."""
        changing = [each for each in self._clients.values() if not each.is_static]
        same = [each for each in changing if each.address[0] == key[0]]
        if len(same) >= MAX_CLIENTS_PER_ADDRESS:
            oldest = min(same, key=_heard)
            del self._clients[oldest.address]
        elif len(changing) >= self.options.max:
            return f"{key[0]} as a client: there are {len(changing)} already; raise 'max'"
        return ""

    def _prune(self, now: float) -> None:
        limit = now - self.options.forget
        for client in list(self._clients.values()):
            if client.heard < limit and not client.is_static:
                del self._clients[client.address]
                self._refused.clear()  # there is room again

    def activate(self, address: ClientAddress) -> bool:
        """Let a new client get messages. Returns whether it is one."""
        client = self._clients.get(address)
        if client is None or client.is_active:
            return False
        client.is_active = True
        return True

    def inactive(self) -> list[ClientAddress]:
        """The new clients that get no messages yet."""
        with self._lock:
            return [each.address for each in self._clients.values() if not each.is_active]

    def remove(self, address: ClientAddress) -> bool:
        """Forget a client at whose port no program listens. Returns whether it was one."""
        with self._lock:
            client = self._clients.get(address)
            if client is None or client.is_static:
                return False
            del self._clients[address]
            self._refused.clear()
            return True

    def current(self) -> list[RegisteredClient]:
        """The clients that get messages now."""
        with self._lock:
            self._prune(self._clock())
            return [each for each in self._clients.values() if each.is_active]


def _heard(client: RegisteredClient) -> float:
    return client.heard


def is_local(host: str) -> bool:
    """Whether an address is a loopback, link-local or private one."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = None if address.version == 4 else address.ipv4_mapped
    address = address if mapped is None else mapped
    return address.is_loopback or address.is_link_local or address.is_private
