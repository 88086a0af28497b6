"""What an endpoint may do beyond its core: each ability is a class to derive from as well.

    class Lamp(oscbridge.Endpoint[LampOptions], oscbridge.Coalescing):
        def coalesce_key(self, message): ...

An ability of an endpoint that is given deliveries says so, as the endpoint does:
``oscbridge.Coalescing[oscbridge.Delivery[LampRoute]]``. What an ability raises is logged, and
the bridge does what it does without the ability.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Generic

from oscbridge.address_space import AddressChange, AddressInfo, EndpointAddresses
from oscbridge.contract.control_facts import ControlFacts, ControlId, JoinedControl
from oscbridge.contract.delivery import ItemT, RouteInfo, RouteT
from oscbridge.contract.lease import GrantsLeases
from oscbridge.contract.nearby_device import NearbyDevice
from oscbridge.contract.options import OptionsT
from oscbridge.osc import Message, Origin

if TYPE_CHECKING:
    from oscbridge.access.control import AccessControl
    from oscbridge.discovery.services import DiscoveredService

__all__ = [
    "ABILITY_OF",
    "Coalescing",
    "Consuming",
    "DescribesControls",
    "DescribesRoutes",
    "Durability",
    "FindsDevices",
    "Guarded",
    "KnowsAddresses",
    "MustDeliver",
    "Paced",
    "PeerAware",
    "Reconfigurable",
    "RouteAware",
    "Serving",
    "SharesMedium",
    "UsesAddresses",
]


class Coalescing(ABC, Generic[ItemT]):
    """Says which messages replace each other under the policy ``latest``."""

    @abstractmethod
    def coalesce_key(self, message: ItemT, /) -> Hashable:
        """The key of a message: of those with one key, only the last one waits.

        None for a message that no other may replace. Without this ability the key is the
        address. Called on any thread; it must not wait.
        """


class MustDeliver(ABC, Generic[ItemT]):
    """Says which messages are kept though the send queue is full or they are too old: those that
    end something."""

    @abstractmethod
    def must_deliver_key(self, message: ItemT, /) -> Hashable:
        """The key of a message that must be delivered, None for one that may be dropped.

        Of those with one key the last is kept, before all messages that came later; at most
        4,096, in memory. Called on any thread, and only with messages that would be dropped; it
        must not wait. Not for the policy ``block``, which drops the newest when it is full.
        """


class Paced(ABC):
    """Sends at intervals, however many messages arrive."""

    @property
    @abstractmethod
    def next_send(self) -> float:
        """When it sends next, in seconds of the event loop's clock; 0 if it sends at once.

        Messages that arrive earlier wait in the send queue, at most 50 ms, and are passed in one
        batch. Read on the event loop, for each batch; it must not wait.
        """


class Durability(ABC, Generic[ItemT]):
    """Says which messages the policy ``spool`` keeps on disk."""

    @abstractmethod
    def is_durable(self, message: ItemT, /) -> bool:
        """Whether a message is on disk until it is delivered; others wait in memory.

        Without this ability all are. Called once per message, on another thread; it must not
        wait.
        """


class Reconfigurable(ABC, Generic[OptionsT]):
    """Continues with new options after a reload, without a new connection."""

    @abstractmethod
    def update(self, options: OptionsT) -> bool:
        """Whether it continues with ``options``.

        Called at a reload, also with equal options: a file that they name may have changed.
        After True, what it took over must be active at once, and the bridge sets ``options``.
        After False nothing may have changed: the bridge closes this endpoint and makes another.
        Raises ``OSError`` or :class:`ConfigurationError` to have the reload rejected. Without
        this ability it continues with equal options only.
        """


class RouteAware(Generic[RouteT]):
    """Knows the routes that lead to it, and when those change that read from it."""

    routes: Sequence[RouteInfo[RouteT]] = ()
    """The routes of the configuration that lead here; set before ``connect``."""

    def on_routes_changed(self) -> None:
        """Called after a reload that changed :attr:`routes`, or the routes that read from it."""


class PeerAware(ABC):
    """Is told when a peer that messages came from has disconnected."""

    @abstractmethod
    def on_peer_disconnected(self, origin: Origin) -> None:
        """Called when the connection is closed that messages with this origin came by.

        Only for sources with connections: TCP clients of a bridge, clients of an endpoint.
        Messages routed before have been delivered, unless that takes more than a second.
        """


class Serving(ABC):
    """Serves clients that connect to it."""

    @property
    @abstractmethod
    def client_count(self) -> int:
        """The number of connected clients, for status and ``oscbridge top``.

        Read on the event loop; it must not wait.
        """


class KnowsAddresses(ABC, Generic[OptionsT]):
    """Knows which addresses its peer understands and sends."""

    @classmethod
    @abstractmethod
    def known_addresses(cls, options: OptionsT, /) -> Mapping[str, AddressInfo]:
        """The known addresses with these options; empty without any.

        ``check`` compares routes with it, and warns of an address that is almost right.
        """


class UsesAddresses(ABC):
    """Uses the facts about addresses, and may add what it knows about its peer."""

    addresses: EndpointAddresses
    """The address space; set before ``connect``, and the same for its whole life."""

    @abstractmethod
    def on_addresses_changed(self, change: AddressChange, /) -> None:
        """Called after :attr:`EndpointAddresses.visible` has changed, at most ten times per second.

        Not before the first time that it was read; also while the endpoint is not connected.
        """


class DescribesRoutes(ABC, Generic[OptionsT]):
    """Has options of routes that say what their messages are about: a range, a unit, a name."""

    @classmethod
    @abstractmethod
    def route_facts(cls, options: OptionsT, /) -> AddressInfo | None:
        """The facts about the messages that a route with these options sends to the endpoint.

        Its address does not matter: the facts are about every address that the route sends.
        """


class DescribesControls(ABC):
    """Knows which control a message came from, where its address alone does not say it."""

    control_examples: ClassVar[Sequence[str]] = ()
    """Controls as they are typed, e.g. ``/control 1 7``."""

    @abstractmethod
    def control_of(self, message: Message, /) -> ControlFacts | None:
        """The control that a message came from; None if it came from none, e.g. a clock.

        Called on the event loop, for each message while somebody learns; it must not wait.
        """

    def joined(self, upper: ControlId, /) -> JoinedControl | None:
        """The control whose upper halves come from ``upper``, when the lower halves came as well.

        Nothing by default.
        """
        return None


class FindsDevices:
    """Finds devices that an endpoint of its type could reach."""

    service_types: ClassVar[Sequence[str]] = ()
    """The services in the local network (mDNS) that are such devices: ``("_osc._udp",)``."""

    @classmethod
    def device_of(cls, service: DiscoveredService, /) -> NearbyDevice | None:
        """The device that announces a service of these types; None if it is none."""
        return None

    @classmethod
    def local_devices(cls) -> Sequence[NearbyDevice]:
        """The devices of this machine, e.g. its ports.

        Called on a thread; it may wait. Raises :class:`oscbridge.EndpointError` if they cannot be
        listed, with how to fix it.
        """
        return ()


class Consuming(ABC):
    """Reads messages that a server keeps until they are acknowledged."""

    @property
    @abstractmethod
    def consumer_lag(self) -> Mapping[str, int]:
        """Messages that wait at the server, by the name of their consumer, for metrics."""

    async def unsubscribe(self) -> None:  # noqa: B027
        """Receive nothing new from now on, at a stop: the sinks still deliver the rest."""


class Guarded(ABC):
    """Lets clients in by the tokens of the configuration that are valid for it.

    Only endpoints with this ability can be named under ``endpoints`` of a ``[[token]]``. It asks
    :attr:`access` about every client. Where no token is valid, every client has access.
    """

    access: AccessControl
    """Decides about clients; set before ``connect``, and the same for its whole life."""

    @abstractmethod
    def on_access_changed(self) -> None:
        """Called after a reload that changed the tokens that are valid for it.

        It must ask :meth:`AccessControl.renew` about each connected client, close those that are
        denied, and give the others their new rights. Also called while it is not connected.
        """


class SharesMedium(ABC, Generic[OptionsT]):
    """Receives what other endpoints of its type send: they are connected to one broker or bus."""

    neighbours: Sequence[SharesMedium[OptionsT]] = ()
    """The other endpoints of its type; set before ``connect``, and at a reload."""

    @classmethod
    @abstractmethod
    def media(cls, options: OptionsT, /) -> Collection[Hashable]:
        """What an endpoint with these options is connected to, e.g. the addresses of a broker.

        Default routes lead from no endpoint to another with a common medium, and routes of the
        configuration that may form a loop through a medium are a warning of ``check``.
        """


ABILITY_OF: Final[Mapping[str, type]] = {
    name: ability
    for ability in (
        Coalescing,
        MustDeliver,
        Paced,
        Durability,
        Reconfigurable,
        RouteAware,
        PeerAware,
        Serving,
        GrantsLeases,
        Consuming,
        Guarded,
        SharesMedium,
        KnowsAddresses,
        UsesAddresses,
        DescribesRoutes,
        DescribesControls,
        FindsDevices,
    )
    for name in vars(ability)
    if name[0] != "_"
}
"""The ability that each method belongs to."""
