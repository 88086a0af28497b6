"""A device that behaves as its profile says: get, set, subscriptions that expire. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from json import dumps
from typing import Final, NamedTuple, TypeAlias

from oscbridge.address_space import Access, AddressInfo, ValueRange
from oscbridge.errors import MessageDropped, PatternError
from oscbridge.osc import Argument, Message, encode_message
from oscbridge.osc.arguments import split_types
from oscbridge.osc.conversion import CONVERT
from oscbridge.osc.pattern import Pattern, Subjects, is_pattern
from oscbridge.profiles.model import KnownAddress
from oscbridge.profiles.profile import Profile
from oscbridge.profiles.verb_state import VerbState
from oscbridge.templates.message import MessageTemplate

__all__ = ["MAX_CLIENTS", "DeviceMessage", "SimulatedDevice"]

MAX_CLIENTS: Final = 64
"""Clients with a subscription; a new one replaces the one that expires first."""

MAX_MATCHED: Final = 2_000
"""Addresses that one pattern of a client reaches."""

CONNECTED: Final = "ok"
"""The answer to a login: every passcode is right."""

Client: TypeAlias = Hashable
_Values: TypeAlias = tuple[Argument, ...]


class DeviceMessage(NamedTuple):
    """A message for a client."""

    client: Client
    message: Message


class SimulatedDevice:
    """A device of a profile. ``clock`` returns seconds.

    A message that is set goes to all other clients with a subscription, not to its sender. If the
    profile has no subscriptions, the device only answers.
    """

    def __init__(self, profile: Profile, clock: Callable[[], float], passcode: str = "") -> None:
        self.passcode = passcode
        """What a client must log in with, if the profile has a login; empty for anything."""
        self._logged_in: set[Client] = set()
        self._options = profile.options
        self._clock = clock
        self._infos: dict[str, AddressInfo] = {}
        self._values: dict[str, _Values] = {}
        self._queries: dict[bytes, str] = {}
        """The addresses that are asked for, by the encoded questions."""
        for info, entry in profile.entries():
            self._infos[info.address] = info
            self._values[info.address] = _initial(info, entry)
            if Access.READ in info.access:
                asks = Message.of(info.address) if entry.query is None else _message(entry.query)
                self._queries.setdefault(encode_message(asks), info.address)
        self._subjects = Subjects(self._infos)
        self._verbs: VerbState | None = None
        if self._options.verbs is not None:
            state = VerbState(self._infos, self._values, self._options.verbs, _fitting)
            self._verbs = state
        """The values that are asked for and set at different addresses."""
        self._json = self._options.json_reply
        """The text before the addresses of answers in JSON; None if it answers with values."""
        self._subscribers: dict[Client, float] = {}
        """When the subscription of each client ends."""
        self._answers = dict(self._fixed_answers())
        subscription = self._options.subscription
        self._subscribe = None if subscription is None else _message(subscription.send)

    @property
    def subscribers(self) -> int:
        """Clients whose subscription has not expired."""
        self._expire()
        return len(self._subscribers)

    def value(self, address: str) -> _Values:
        """The current values of an address. Raises ``KeyError``."""
        return self._values[address]

    def forget(self, client: Client) -> None:
        """End the subscription of a client whose connection is closed."""
        self._subscribers.pop(client, None)
        self._logged_in.discard(client)
        if self._verbs is not None:
            self._verbs.forget(client)

    def receive(self, message: Message, client: Client) -> Sequence[DeviceMessage]:
        """What the device sends because of a message."""
        return tuple(self._receive(message, client))

    def _receive(self, message: Message, client: Client) -> Iterator[DeviceMessage]:
        plain = Message(message.address, message.types, message.args)
        if self._json is not None:
            yield from self._receive_for_json(self._json, plain, client)
        else:
            yield from self._receive_plain(plain, client)

    def _receive_for_json(
        self, prefix: str, plain: Message, client: Client
    ) -> Iterator[DeviceMessage]:
        """Answer each message with JSON, and change values like other devices."""
        login = self._options.login
        is_known = plain.address in self._infos
        if login is not None and plain.address == login.send:
            is_right = not self.passcode or plain.args == (self.passcode,)
            self._logged_in.discard(client)
            if is_right:
                if len(self._logged_in) >= MAX_CLIENTS:
                    self._logged_in.pop()
                self._logged_in.add(client)
            answer = CONNECTED if is_right else login.refused
            yield self._json_reply(prefix, plain, client, "ok", answer)
        elif self.passcode and client not in self._logged_in:
            yield self._json_reply(prefix, plain, client, "denied")
        elif (asked := self._queries.get(encode_message(plain))) is not None:
            values = self._current(asked).args
            data = values[0] if len(values) == 1 else list(values)
            yield self._json_reply(prefix, plain, client, "ok", data)
        else:
            yield from self._receive_plain(plain, client)
            yield self._json_reply(prefix, plain, client, "ok" if is_known else "error")

    def _json_reply(
        self, prefix: str, plain: Message, client: Client, status: str, *data: object
    ) -> DeviceMessage:
        document: dict[str, object] = {"address": plain.address, "status": status}
        if data:
            document["data"] = data[0]
        text = dumps(document, default=str)
        return DeviceMessage(client, Message.of(f"{prefix}{plain.address}", text))

    def _receive_plain(self, plain: Message, client: Client) -> Iterator[DeviceMessage]:
        if self._verbs is not None and plain.address in self._verbs:
            for other, outgoing in self._verbs.receive(plain, client):
                yield DeviceMessage(other, outgoing)
        elif plain == self._subscribe:
            self._add(client)
        elif (answer := self._answers.get(plain.address)) is not None:
            yield DeviceMessage(client, answer)
        elif is_pattern(plain.address):
            for address in _matches(plain.address, self._subjects):
                yield from self._receive_plain(Message(address, plain.types, plain.args), client)
        elif (asked := self._queries.get(encode_message(plain))) is not None:
            yield DeviceMessage(client, self._current(asked))
        elif plain.args and (info := self._infos.get(plain.address)) is not None:
            yield from self._set(info, plain, client)

    def _fixed_answers(self) -> Iterator[tuple[str, Message]]:
        probe, login = self._options.probe, self._options.login
        if probe is not None:
            asks = _message(probe.send)
            reply = self._options.probe_reply
            yield asks.address, asks if reply is None else _message(reply)
        if login is not None:
            yield login.send, Message.of(login.reply.replace("*", ""), CONNECTED)

    def _set(self, info: AddressInfo, message: Message, client: Client) -> Iterator[DeviceMessage]:
        values = _fitting(info, message.args)
        if Access.WRITE not in info.access or values is None:
            return
        self._values[info.address] = values
        self._expire()
        for other in self._subscribers:
            if other != client:
                yield DeviceMessage(other, self._current(info.address))

    def _current(self, address: str) -> Message:
        values = self._values[address]
        tags = split_types(self._infos[address].types)
        types = [
            "FT"[bool(value)] if tag in "TF" else tag
            for tag, value in zip(tags, values, strict=True)
        ]
        return Message.of(address, *values, types="".join(types))

    def _add(self, client: Client) -> None:
        self._expire()
        if client not in self._subscribers and len(self._subscribers) >= MAX_CLIENTS:
            del self._subscribers[min(self._subscribers, key=self._subscribers.__getitem__)]
        subscription = self._options.subscription
        expires = 0.0 if subscription is None else subscription.expires
        self._subscribers[client] = self._clock() + expires

    def _expire(self) -> None:
        now = self._clock()
        for client, end in list(self._subscribers.items()):
            if end <= now:
                del self._subscribers[client]


def _message(text: str) -> Message:
    return MessageTemplate(text).fill(Message("/", ""))


def _matches(pattern: str, subjects: Subjects) -> list[str]:
    try:
        return Pattern(pattern).find(subjects)[:MAX_MATCHED]
    except PatternError:
        return []


def _initial(info: AddressInfo, entry: KnownAddress) -> _Values:
    values: _Values | None = entry.value
    if values is None:
        values = entry.choices[:1] or tuple(
            _zero(tag, info.ranges[n] if n < len(info.ranges) else None)
            for n, tag in enumerate(split_types(info.types))
        )
    fitting = _fitting(info, values)
    return tuple(values) if fitting is None else fitting


def _zero(tag: str, limits: ValueRange | None) -> Argument:
    if tag.startswith("["):
        return [_zero(each, None) for each in split_types(tag[1:-1])]
    if tag in "sSb":
        return b"" if tag == "b" else ""
    low = None if limits is None else limits.minimum
    return max(0, low or 0)


def _fitting(info: AddressInfo, values: Sequence[Argument]) -> _Values | None:
    """Values converted to the types of an address and clamped; None if they do not fit."""
    tags = split_types(info.types)
    if len(values) != len(tags):
        return None
    try:
        return tuple(
            _clamp(_convert(value, tag), info.ranges[index] if index < len(info.ranges) else None)
            for index, (tag, value) in enumerate(zip(tags, values, strict=True))
        )
    except (MessageDropped, ValueError, TypeError):
        return None


def _convert(value: Argument, tag: str) -> Argument:
    if tag.startswith("["):
        if not isinstance(value, list):
            raise TypeError("not an array")
        inside = split_types(tag[1:-1])
        return [_convert(each, one) for each, one in zip(value, inside, strict=True)]
    if tag in "TF":
        return bool(value)
    return CONVERT[tag](value) if tag in CONVERT else value


def _clamp(value: Argument, limits: ValueRange | None) -> Argument:
    if limits is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if limits.choices:
        return value
    if value != value:
        raise ValueError("not a number")
    low, high = limits.minimum, limits.maximum
    bounded = value if low is None else max(value, low)
    bounded = bounded if high is None else min(bounded, high)
    return type(value)(bounded)
