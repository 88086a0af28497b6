"""The core of the plugin contract: connect, send, close; receive; describe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast, get_args, get_origin

from oscbridge.contract.abilities import ABILITY_OF
from oscbridge.contract.delivery import Delivery, ItemT
from oscbridge.contract.deprecations import warn_if_deprecated
from oscbridge.contract.host import Host
from oscbridge.contract.options import Options, OptionsT
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message
from oscbridge.toml_text import TomlTable

__all__ = ["AnyEndpoint", "Endpoint", "EndpointTypes", "OnStart", "Policy"]

Policy: TypeAlias = Literal["drop_oldest", "latest", "block", "spool"]
"""What happens to messages when the send queue is full."""

OnStart: TypeAlias = Literal["retry", "error", "ignore"]
"""What happens when an endpoint cannot be connected as the bridge starts."""


class Endpoint(Generic[OptionsT, ItemT]):
    """Something outside that messages go to, come from, or both.

    ``Endpoint[LampOptions]`` has the keys of ``LampOptions`` in ``[endpoint.NAME]``.
    ``Endpoint[LampOptions, Delivery[LampRoute]]`` has those of ``LampRoute`` in a ``[[route]]``
    as well, and is sent a :class:`Delivery` in place of a message. A sink overrides
    :meth:`send` or :meth:`send_batch`; a source calls :meth:`receive`. The bridge queues,
    counts, logs, and reconnects. All methods run on one event loop and must not block it.
    """

    #: The version of the contract: here the bridge's, in a class the one that it is written for,
    #: else 1. A bridge with another one refuses the class, and says what to install.
    api: ClassVar[int] = 1
    #: Defaults, for what the configuration does not say.
    policy: ClassVar[Policy] = "drop_oldest"
    on_start: ClassVar[OnStart] = "error"
    #: Matches of what it is sent from every bridge and every other endpoint, and from itself too,
    #: while no route of the configuration leads to it.
    default_routes: ClassVar[tuple[str, ...]] = ()
    default_routes_include_self: ClassVar[bool] = False
    #: Whether it sends messages with one :class:`oscbridge.ForwardedTag` as one bundle; then the
    #: bridge passes them in one batch, as far as possible.
    keeps_bundles: ClassVar[bool] = False
    #: ``oscbridge send`` texts of messages that show whether it works, by what a button says, e.g.
    #: ``{"Send a note": ("/note 1 60 100", "/note_off 1 60")}``; sent with half a second between.
    test_messages: ClassVar[Mapping[str, Sequence[str]]] = {
        "Send a test message": ("/oscbridge/test 1",)
    }
    #: For ``oscbridge plugins``: keys of an example, and the path of the class of a peer to check
    #: it with, e.g. ``"oscbridge_lamp.peer:LampPeer"``; it derives from
    #: :class:`oscbridge.testing.conformance.Peer`.
    example_options: ClassVar[TomlTable] = {}
    example_peer: ClassVar[str] = ""

    def __init__(self, name: str, options: OptionsT) -> None:
        """Must not open anything."""
        self.name = name
        self.options = options
        self.log = logging.getLogger(f"oscbridge.endpoint.{name}")

    @classmethod
    def default_routes_for(cls, options: OptionsT, /, *, is_source: bool) -> Sequence[str]:
        """The default routes of an endpoint with these options.

        ``is_source``: whether a route of the configuration reads from it.
        """
        return cls.default_routes

    @classmethod
    def sink_problem(cls, options: OptionsT, /) -> str:
        """Why an endpoint with these options can send nothing, and how to fix it; empty if it can.

        ``check`` reports it for each route that leads there.
        """
        return ""

    @classmethod
    def route_problem(cls, options: OptionsT, route: Any, /) -> str:
        """Why an endpoint with these options cannot take messages of a route with these options,
        and how to fix it; empty if it can.

        ``route`` is a model of the options of a route. ``check`` reports it.
        """
        return ""

    @property
    def keeps_last_values(self) -> bool:
        """Whether the bridge keeps the last message of each address for :meth:`Host.last_values`.

        Read once, when the endpoint has been made. ``keeps_last_values = True`` in the class is
        enough if its options do not decide that.
        """
        return False

    def describe(self) -> str:
        """Where it is, human-readable: ``ws://127.0.0.1:8080``."""
        return ""

    async def connect(self) -> None:
        """Open what needs to be open. Raises ``OSError`` or :class:`EndpointError`.

        It is tried again: after a :class:`BackOff` in its seconds, else at growing intervals.
        """

    async def send(self, message: ItemT, /) -> None:
        """Deliver one message.

        Raises :class:`NotConnected` or ``OSError`` to be connected and given the message again,
        :class:`BackOff` to be given it again later, and anything else for a message that is
        lost. A message at which five connections in a row break is lost as well.
        """
        raise NotImplementedError

    async def send_batch(self, messages: Sequence[ItemT], /) -> None:
        """Deliver the messages that have arrived since the last call, in order; at least one.

        Override it, instead of :meth:`send`, where many together cost less than one by one.
        An exception as of :meth:`send` is about all of them; :class:`PartialDelivery` is about
        each.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Release all resources. Called after each :meth:`connect`, also after a failed one."""

    def receive(self, message: Message, peer: ClientAddress = ("", 0)) -> None:
        """Put a message into the routes. ``peer`` tells one client from another."""
        self.host.receive(message, peer)

    def receiving(self) -> AbstractContextManager[None]:
        """Route together the messages that are received within: ``with self.receiving(): ...``.

        In a callback of the event loop sinks deliver them at its end, instead of in the next turn
        of the loop. In a task it makes no difference.
        """
        return self.host.receiving()

    def start_task(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background, from :meth:`connect` until the connection closes.

        The bridge cancels it then. If it raises, that is logged and counted, and the endpoint is
        connected again; a task of ``asyncio.create_task`` would die unnoticed.
        """
        return self.host.start_task(coroutine)

    @property
    def host(self) -> Host:
        """What the bridge does for it. Raises ``RuntimeError`` before it belongs to one."""
        if self._host is None:
            raise RuntimeError(f"endpoint {self.name!r} belongs to no bridge yet")
        return self._host

    # --- for the bridge ----------------------------------------------------------------------

    options_type: ClassVar[type[Options]] = Options
    route_options_type: ClassVar[type[Options] | None] = None
    _host: Host | None = None

    def __init_subclass__(cls, **keywords: object) -> None:
        """Read the models from ``Endpoint[...]``. Raises ``TypeError`` for a wrong declaration."""
        super().__init_subclass__(**keywords)
        for base in cls.__dict__.get("__orig_bases__", ()):
            if get_origin(base) is Endpoint:
                cls._declare(*get_args(base))
        for name in cls.__dict__:
            warn_if_deprecated(f"Endpoint.{name}")
        models: tuple[object, ...] = (cls.options_type, cls.route_options_type or Options)
        for model in models:
            if not (isinstance(model, type) and issubclass(model, Options)):
                raise TypeError(f"{cls.__name__}: {model!r} does not derive from oscbridge.Options")
        for name in ("Options", "RouteOptions"):
            if name in vars(cls):
                raise TypeError(
                    f"{cls.__name__}.{name}: declare options as oscbridge.Endpoint[MyOptions] or "
                    "oscbridge.Endpoint[MyOptions, oscbridge.Delivery[MyRoute]]"
                )
        for name in vars(cls):
            ability = ABILITY_OF.get(name)
            if ability is not None and not issubclass(cls, ability):
                raise TypeError(
                    f"{cls.__name__}.{name}: derive the class from oscbridge.{ability.__name__} too"
                )

    @classmethod
    def _declare(cls, options: object, item: object = Message) -> None:
        if isinstance(options, TypeVar):
            return  # a generic class: those that derive from it set options_type themselves
        cls.options_type = cast(type[Options], options)
        if get_origin(item) is Delivery:
            (cls.route_options_type,) = get_args(item)
        elif item is Delivery:
            cls.route_options_type = Options

    def attach(self, host: Host) -> None:
        """Called once, before :meth:`connect`."""
        self._host = host

    @classmethod
    def is_sink(cls) -> bool:
        """Whether messages can be sent to it."""
        return cls.send is not Endpoint.send or cls.send_batch is not Endpoint.send_batch


AnyEndpoint: TypeAlias = Endpoint[Any, Any]
EndpointTypes: TypeAlias = Mapping[str, type[AnyEndpoint] | str]
"""Endpoint classes, or their paths, by the name of their type: what ``oscbridge_endpoints``
returns."""
