"""Values of a simulated device that are asked for, set and listened to at different addresses."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from oscbridge.address_space import AddressInfo
from oscbridge.osc import Argument, Message
from oscbridge.osc.arguments import split_types
from oscbridge.profiles.model import VerbOptions

__all__ = ["VerbState"]

MAX_VALUES: Final = 20_000
"""Values that were set; new ones are ignored."""

MAX_LISTENERS: Final = 64
"""Clients that listen to one value."""

MAX_LISTENED: Final = 20_000
"""Values that clients listen to."""

_Values: TypeAlias = Sequence[Argument]
_Fit: TypeAlias = Callable[[AddressInfo, _Values], _Values | None]
_Key: TypeAlias = tuple[str, tuple[Argument, ...]]
"""The address that asks for a value, and the arguments that say which one."""


class VerbState:
    """The values by the addresses that ask for them.

    ``initial`` are values at the start, and ``fit`` converts and clamps them, or returns None.
    """

    def __init__(
        self,
        infos: Mapping[str, AddressInfo],
        initial: Mapping[str, _Values],
        verbs: VerbOptions,
        fit: _Fit,
    ) -> None:
        self._infos = infos
        self._initial = initial
        self._fit = fit
        self._values: dict[_Key, Argument] = {}
        self._listeners: dict[_Key, dict[Hashable, None]] = {}
        self._roles: dict[str, tuple[str, str]] = {}
        """What an address does, and the address that asks for its value."""
        for address in infos:
            for role in ("get", "set", "listen", "unlisten"):
                part = getattr(verbs, role)
                asks = address.replace(f"/{part}/", f"/{verbs.get}/", 1)
                if f"/{part}/" in address and infos.get(asks) and infos[asks].types:
                    self._roles[address] = role, asks

    def __contains__(self, address: str) -> bool:
        return address in self._roles

    def receive(self, message: Message, client: Hashable) -> Iterator[tuple[Hashable, Message]]:
        """What the device sends because of a message, and to whom."""
        role, asks = self._roles[message.address]
        selectors = len(split_types(self._infos[asks].types)) - 1
        if role == "set":
            yield from self._set(asks, message, selectors)
            return
        fitting = None
        if len(message.args) == selectors:
            fitting = self._fit(self._infos[asks], (*message.args, self._initial[asks][-1]))
        if fitting is None or tuple(fitting[:-1]) != message.args:
            return
        key = asks, tuple(fitting[:-1])
        if role == "unlisten":
            self._unlisten(key, client)
            return
        if role == "listen" and (key in self._listeners or len(self._listeners) < MAX_LISTENED):
            listeners = self._listeners.setdefault(key, {})
            if len(listeners) < MAX_LISTENERS:
                listeners[client] = None
        yield client, self._current(key)

    def _set(
        self, asks: str, message: Message, selectors: int
    ) -> Iterator[tuple[Hashable, Message]]:
        fitting = self._fit(self._infos[asks], message.args)
        if fitting is None or tuple(fitting[:selectors]) != message.args[:selectors]:
            return
        key = asks, tuple(fitting[:selectors])
        if key not in self._values and len(self._values) >= MAX_VALUES:
            return
        self._values[key] = fitting[-1]
        for client in self._listeners.get(key, ()):
            yield client, self._current(key)

    def _current(self, key: _Key) -> Message:
        address, selectors = key
        value = self._values.get(key, self._initial[address][-1])
        tags = split_types(self._infos[address].types)
        if tags[-1] in "TF":
            tags = [*tags[:-1], "FT"[bool(value)]]
        return Message.of(address, *selectors, value, types="".join(tags))

    def forget(self, client: Hashable) -> None:
        """End what a client listens to."""
        for key in list(self._listeners):
            self._unlisten(key, client)

    def _unlisten(self, key: _Key, client: Hashable) -> None:
        listeners = self._listeners.get(key, {})
        listeners.pop(client, None)
        if not listeners:
            self._listeners.pop(key, None)
