"""The ``peer`` of received messages: the broker, and how it delivered them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BrokerPeer", "ReturnedPeer"]


class BrokerPeer(NamedTuple):
    """The ``peer`` of a message's origin: the broker, and how it delivered the message."""

    host: str
    port: int
    qos: int
    retained: bool
    """Whether the broker had retained the message, and sent it because of the subscription."""


class ReturnedPeer(BrokerPeer):
    """The peer of a message that is a publication of another endpoint."""

    chain: int
    """The publications that led to it, itself included."""

    @classmethod
    def of(cls, peer: BrokerPeer, chain: int) -> ReturnedPeer:
        made = cls(*peer)
        made.chain = chain
        return made
