"""What an endpoint is given to send: a message, or a message with what its route says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeAlias

from typing_extensions import TypeVar

from oscbridge.contract.options import Options
from oscbridge.osc import Argument, Message, Origin, TimeTag

__all__ = ["Deliverable", "Delivery", "ItemT", "RouteInfo", "RouteT"]

RouteT = TypeVar("RouteT", bound=Options, default=Options, covariant=True)


class Delivery(NamedTuple, Generic[RouteT]):
    """A message, and what the route that it came by says to the endpoint.

    An endpoint asks for it with ``oscbridge.Endpoint[MyOptions, oscbridge.Delivery[MyRoute]]``;
    then ``TYPE = {...}`` in a ``[[route]]`` has the keys of ``MyRoute``.
    """

    message: Message
    options: RouteT | None
    """The route's options for this type of endpoint, if it has any."""
    captures: Mapping[str, str]
    """What the route's match captured, by name."""

    @property
    def address(self) -> str:
        """The address of the message."""
        return self.message.address

    @property
    def types(self) -> str | None:
        """The type tags of the message."""
        return self.message.types

    @property
    def args(self) -> tuple[Argument, ...]:
        """The arguments of the message."""
        return self.message.args

    @property
    def timetag(self) -> TimeTag | None:
        """The time tag of the message."""
        return self.message.timetag

    @property
    def origin(self) -> Origin | None:
        """Where the message came from."""
        return self.message.origin


Deliverable: TypeAlias = Message | Delivery[Options]
"""The item of a send queue."""

ItemT = TypeVar("ItemT", bound=Deliverable, default=Message)


class RouteInfo(NamedTuple, Generic[RouteT]):
    """What an endpoint knows of a route that leads to it, before any message has arrived."""

    options: RouteT | None
    """The route's options for this type of endpoint, if it has any."""
    address: str | None
    """The address of its messages, if it is always the same one."""
