"""The contract of an endpoint: all that a plugin's author writes."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from oscbridge.dispatch.handler import ClientAddress
from oscbridge.errors import DecodeError
from oscbridge.osc import Message, Origin

__all__ = ["Endpoint", "Host", "OnStart", "Options", "Policy", "RouteInfo", "Routed"]

Policy: TypeAlias = Literal["drop_oldest", "latest", "block", "spool"]
"""What happens to messages when the send queue is full."""

OnStart: TypeAlias = Literal["retry", "error", "ignore"]


class Options(BaseModel):
    """Base of every model of options: typed, frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    renamed_keys: ClassVar[Mapping[str, str]] = {}
    """Current names of keys by their former names, e.g. ``{"outbox": "queue"}``.

    A former name is an error that names the current one; ``oscbridge check --fix`` renames it.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        keys = {field.alias or name for name, field in cls.model_fields.items()}
        for old, new in cls.renamed_keys.items():
            if new not in keys or old in keys:
                raise TypeError(f"{cls.__qualname__}.renamed_keys: {old!r} cannot become {new!r}")


_Options: TypeAlias = Options  # Endpoint has an attribute of the same name


class Routed(NamedTuple):
    """What a route says to an endpoint that has :attr:`Endpoint.RouteOptions`."""

    options: _Options | None
    """The route's options for this type of endpoint, if it has any."""
    captures: Mapping[str, str]
    """What the route's match captured."""


class RouteInfo(NamedTuple):
    """What an endpoint knows of a route that leads to it, before any message has come."""

    options: _Options | None
    """The route's options for this type of endpoint, if it has any."""
    address: str | None
    """The address of its messages, if it is always the same one."""


class Host(Protocol):
    """What the bridge does for an endpoint."""

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Put a message into the routes."""

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Put an encoded packet into the routes."""

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and report what a peer sent and what is no message."""

    def refused(self, text: str) -> None:
        """Count and report somebody who is not let in."""

    def dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and report messages that will not be delivered.

        ``reason`` is one word, for counters; ``why`` says it in words, for the log.
        """

    def left(self, peer: ClientAddress) -> None:
        """Say that the connection of a peer, from which messages came, is over."""

    def lost(self, error: Exception) -> None:
        """Reconnect, as the connection is gone."""

    def snapshot(self) -> list[Message]:
        """The last message of each address that was sent to the endpoint, oldest first."""


class Endpoint:
    """Something outside that messages go to, come from, or both.

    A sink overrides :meth:`send` or :meth:`send_batch`. A source calls :meth:`receive`.
    Making an endpoint opens nothing; :meth:`connect` does. The bridge owns the outbox,
    counting and logging. All methods run on one event loop and must not block it.
    """

    #: The keys of ``[endpoint.NAME]`` beside ``type``: a class ``Options(oscbridge.Options)``.
    Options: ClassVar[type[_Options]] = Options

    #: The keys of ``TYPE = {...}`` in a ``[[route]]`` to an endpoint of this type: a class
    #: derived from ``oscbridge.Options``. With it, ``message.route`` is a :class:`Routed`.
    RouteOptions: ClassVar[type[_Options] | None] = None
    #: What happens when the outbox is full, unless the configuration says otherwise.
    policy: ClassVar[Policy] = "drop_oldest"
    #: What happens when it cannot be connected at start-up, unless the configuration says so.
    on_start: ClassVar[OnStart] = "error"
    #: Whether the bridge remembers the last message of each address for :meth:`Host.snapshot`.
    remembers: ClassVar[bool] = False

    def __init__(self, name: str, options: _Options) -> None:
        self.name = name
        self.options: _Options = options
        self.routes: Sequence[RouteInfo] = ()
        """The routes of the configuration that lead here; set before :meth:`connect`."""
        self.log = logging.getLogger(f"oscbridge.endpoint.{name}")
        self._host: Host | None = None

    def attach(self, host: Host) -> None:
        """Called once by the bridge, before :meth:`connect`."""
        self._host = host

    @property
    def host(self) -> Host:
        """The bridge's side. Raises ``RuntimeError`` before it is there."""
        if self._host is None:
            raise RuntimeError(f"endpoint {self.name!r} belongs to no bridge yet")
        return self._host

    def describe(self) -> str:
        """Where it is, for people: ``ws://127.0.0.1:8080``."""
        return ""

    async def connect(self) -> None:
        """Open what needs to be open. Raises ``OSError`` or :class:`EndpointError`.

        After :class:`BackOff` it is tried again in so many seconds, after others in ever
        more.
        """

    async def send(self, message: Message) -> None:
        """Deliver one message.

        Raises :class:`NotConnected` or ``OSError`` to be connected again and given the
        message once more, :class:`BackOff` to be left alone for a while and then given it
        once more, and anything else for a message that is lost. A message at which one
        connection after another breaks is lost as well, in the end.
        """
        raise NotImplementedError

    async def send_batch(self, messages: Sequence[Message]) -> None:
        """Deliver what has come in since the last time, in order; one or more messages.

        Override it, instead of :meth:`send`, where many messages cost less together than
        one by one. Raises as :meth:`send`, about all of them, unless the error says how many
        were ``sent``: then the others come once more, after a ``BadMessage`` without the
        bad one.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close what is open. Called after each :meth:`connect`, also a failed one."""

    def update(self, options: _Options) -> bool:
        """Whether it goes on with ``options`` without being connected anew.

        Called at a reload, also with equal options: a file that they name may have changed.
        After True the bridge sets :attr:`options`. After False it closes this endpoint and
        makes another. Raises ``OSError`` or :class:`ConfigurationError` to have the reload
        refused. What it takes over must be right away in force, and nothing if it is not True.
        """
        return options == self.options

    def rerouted(self) -> None:
        """Called after a reload that changed :attr:`routes`, those that lead here.

        They are known before the first :meth:`connect`, too.
        """

    def source_gone(self, origin: Origin) -> None:
        """Called when the connection is over that messages with this origin came by.

        Only for sources with connections: TCP clients of a bridge, clients of an endpoint.
        What was routed before has been delivered, unless that takes more than a second.
        """

    def key(self, message: Message) -> Hashable:
        """What the policy ``latest`` goes by: of messages with one key, the last one waits.

        None for a message that no other may replace.
        """
        return message.address

    def essential(self, message: Message) -> Hashable:
        """What must be delivered though the outbox is full: a message that ends something.

        None for a message that may be dropped to make room. Of those with one key the last is
        kept, before all that came later; at most 4,096. Called on any thread, and only with
        messages that would be dropped. It must not wait. Not for the policies ``block``, which
        drops the newest, and ``spool``.
        """
        return None

    def keeps(self, message: Message) -> bool:
        """Whether the policy ``spool`` has a message on disk until it is delivered.

        Others wait in memory. Called on another thread, once a message, and must not wait.
        """
        return True

    def receive(self, message: Message, peer: ClientAddress = ("", 0)) -> None:
        """Put a message into the routes. ``peer`` tells one client from another."""
        self.host.receive(message, peer)

    def receive_packet(self, data: bytes, peer: ClientAddress = ("", 0)) -> None:
        """Put an encoded packet into the routes; a bad one is counted and reported."""
        self.host.receive_packet(data, peer)

    def lost(self, error: Exception) -> None:
        """Say that the connection is gone: the bridge closes, and connects again.

        For endpoints that notice it themselves; :meth:`send` may raise
        :class:`~oscbridge.errors.NotConnected` instead. A send that waits is cancelled, and
        done once more when it is connected.
        """
        self.host.lost(error)

    @classmethod
    def is_sink(cls) -> bool:
        """Whether messages can be sent to it."""
        return cls.send is not Endpoint.send or cls.send_batch is not Endpoint.send_batch
