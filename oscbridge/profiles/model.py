"""The model of a profile file: every key with its type, its default and its meaning."""

from __future__ import annotations

import sys
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from oscbridge.address_space import Access
from oscbridge.address_space.limits import MAX_ADDRESS, MAX_DEPTH, why_not
from oscbridge.contract.options import Options
from oscbridge.errors import DecodeError, PatternError
from oscbridge.osc import Message, encode_message
from oscbridge.osc.arguments import layout
from oscbridge.osc.number_range import count_addresses, expand_addresses
from oscbridge.templates.message import MessageTemplate

__all__ = ["MAX_ADDRESSES", "GroupOptions", "ProfileOptions"]

MAX_ADDRESSES: Final = 20_000
"""Addresses of one profile, after ranges are expanded."""

MAX_TEXT: Final = 1_000
"""Characters of a description."""

Number = int | float
_Text = Annotated[str, Field(max_length=MAX_TEXT)]
_Port = Annotated[int, Field(ge=1, le=65_535)]
_Every = Annotated[float, Field(ge=0.1, le=3600)]

_NOT_KNOWN: Final = {
    "address": f"has more than {MAX_ADDRESS} characters",
    "invalid": "has an empty part, or one of the characters # * , ? [ ] { }",
    "depth": f"has more than {MAX_DEPTH} parts",
}
"""Why something is not an address, in words."""

_ACCESS: Final = {"read": Access.READ, "write": Access.WRITE, "both": Access.BOTH}


def _address(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("an address must start with '/'")
    try:
        count = count_addresses(value)
    except PatternError as error:
        raise ValueError(str(error)) from None
    if count > MAX_ADDRESSES:
        raise ValueError(f"means {count} addresses; at most {MAX_ADDRESSES} are possible")
    return value


def _known(value: str) -> str:
    """The address of a device, not a pattern."""
    for address, _ in expand_addresses(_address(value)):
        if reason := why_not(address):
            raise ValueError(f"{address!r} {_NOT_KNOWN[reason]}")
    return value


def _types(value: str) -> str:
    try:
        layout(value)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    return value


def _message(text: str) -> str:
    template = MessageTemplate(text)
    if template.placeholders:
        raise ValueError("placeholders are not available here")
    encode_message(template.fill(Message("/", "")))
    return text


def _range(value: object) -> object:
    if isinstance(value, list) and len(value) == 2 and not isinstance(value[0], list):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError("expected two numbers, [lowest, highest], or a list of such pairs")
    for pair in value:
        numbers = isinstance(pair, list | tuple) and all(
            type(n) in (int, float) and abs(n) <= sys.float_info.max for n in pair
        )
        if not numbers or len(pair) != 2 or pair[0] > pair[1]:
            raise ValueError(f"expected two numbers, [lowest, highest], got {pair!r}")
    return tuple(tuple(pair) for pair in value)


_Message = Annotated[str, AfterValidator(_message)]
_Pair = tuple[Number, Number]
_Ranges = Annotated[
    tuple[_Pair, ...], BeforeValidator(_range, json_schema_input_type=_Pair | tuple[_Pair, ...])
]


class KnownAddress(Options):
    """An entry of ``addresses``: one address, or many by ranges of numbers."""

    address: Annotated[str, AfterValidator(_known)]
    """``/ch/{01..32}/mix/{fader,pan}``: ranges are padded as written."""
    types: Annotated[str, AfterValidator(_types)] = ""
    """Type tags of its values; empty for a message without values."""
    range: _Ranges = ()
    """``[lowest, highest]`` of the first value, or a list with one pair for each value."""
    choices: Annotated[tuple[int | float | str, ...], Field(max_length=256)] = ()
    """The only values that it can have."""
    unit: Annotated[str, Field(max_length=32)] = ""
    """The unit of its values, by the names of OSCQuery: ``gain.db``, ``time.ms``."""
    curve: Annotated[str, Field(max_length=64)] = ""
    """How a value between 0 and 1 maps to the unit, in words: ``"log, 20 to 20000 Hz"``."""
    access: Literal["read", "write", "both"] = "both"
    """Whether it can be asked for, or is sent by the device (``read``), and be set (``write``)."""
    query: _Message | None = None
    """The message that asks for it; by default its address without values."""
    value: Annotated[tuple[int | float | str | bool, ...], Field(max_length=32)] | None = None
    """Its values in a simulated device at the start; by default zeros and empty texts."""
    description: _Text = ""
    """What it is; ``{1}`` and ``{2}`` are the numbers or texts of its ranges."""

    @property
    def access_flags(self) -> Access:
        return _ACCESS[self.access]


class GroupOptions(Options):
    """``[[group]]``: addresses with one source."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """What they are about, e.g. ``"channels"``."""
    status: Literal["documented", "seen"]
    """Whether the source says so, or it was seen on a device."""
    source: Annotated[str, Field(min_length=1, max_length=500)]
    """The public source of these facts, e.g. the address of a manual."""
    addresses: Annotated[tuple[KnownAddress, ...], Field(max_length=2_000)]


class RegularMessage(Options):
    """``keepalive`` or ``probe``: a message that is sent regularly."""

    send: _Message
    """The message, e.g. ``"/xremote"``."""
    every: _Every
    """Interval in seconds, 0.1 to 3600."""


class Login(Options):
    """``login``: how a device lets a client in."""

    send: Annotated[str, AfterValidator(_address)]
    """The address; the ``passcode`` of the endpoint, if there is one, is its argument."""
    reply: Annotated[str, AfterValidator(_address)]
    """The address of the answer."""
    refused: Annotated[str, Field(min_length=1, max_length=64)]
    """A text in the answer that means no."""


class DeviceSubscription(Options):
    """``subscription``: a client that sends this gets all changes for a while."""

    send: _Message
    """The message that subscribes, and renews."""
    expires: Annotated[float, Field(gt=0, le=86_400)]
    """Seconds until it ends."""


_Part = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}$")]


class VerbOptions(Options):
    """``verbs``: parts of addresses, if a value is asked for and set at different ones.

    ``/live/track/get/volume`` and ``/live/track/set/volume``: all arguments before the last one say
    which value it is.
    """

    get: _Part
    """The part in the address that asks, and in that of the answer."""
    set: _Part
    """The part in the address that sets a value."""
    listen: _Part | None = None
    """The part in the address that asks for all changes."""
    unlisten: _Part | None = None
    """The part in the address that ends that."""


class FindOptions(Options):
    """``find``: how the device is found in a network."""

    service: Annotated[str, Field(pattern=r"^_[a-z0-9-]+\._(udp|tcp)$")] | None = None
    """Its DNS-SD service, e.g. ``"_osc._udp"``."""
    broadcast: _Message | None = None
    """A message that it answers when it is sent to the broadcast address."""


class ProfileOptions(Options):
    """A profile file."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    """The devices that it is for, e.g. ``"Behringer X32, Midas M32"``."""
    port: _Port | None = None
    """The port that the device listens on."""
    reply_port: _Port | None = None
    """The local port that the device sends to, if it does not answer to the sender's."""
    transport: Literal["udp", "tcp", "tcp+1.0"] = "udp"
    """How to reach it; the endpoint's ``to`` decides."""
    keepalive: RegularMessage | None = None
    """A message that the device needs to keep sending: ``{ send = "/xremote", every = 8 }``."""
    probe: RegularMessage | None = None
    """A query that is always answered: silence for three intervals is shown as not connected."""
    probe_reply: _Message | None = None
    """What a simulated device answers to ``probe``; by default its address without values."""
    sync: Annotated[tuple[_Message, ...], Field(max_length=1_000)] = ()
    """What to ask after connecting, in order."""
    login: Login | None = None
    """How to log in before everything else."""
    subscription: DeviceSubscription | None = None
    """How a client of the device gets its changes."""
    verbs: VerbOptions | None = None
    """How a value is asked for and set, if that has different addresses."""
    json_reply: Annotated[str, AfterValidator(_address)] | None = None
    """A device that answers with JSON in a text: the text before the address of the question."""
    find: FindOptions | None = None
    """How the device is found in a network."""
    notes: Annotated[tuple[_Text, ...], Field(max_length=20)] = ()
    """What a user should know, e.g. a setting on the device."""
    group: Annotated[tuple[GroupOptions, ...], Field(max_length=200)] = ()

    @field_validator("group")
    @classmethod
    def _within_limit(cls, group: tuple[GroupOptions, ...]) -> tuple[GroupOptions, ...]:
        total = sum(count_addresses(each.address) for part in group for each in part.addresses)
        if total > MAX_ADDRESSES:
            raise ValueError(f"has {total} addresses; at most {MAX_ADDRESSES} are possible")
        return group
