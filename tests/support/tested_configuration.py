"""A configuration whose routes are tested, with sinks that open nothing."""

from __future__ import annotations

from oscbridge import Delivery, Endpoint, Message, Options

__all__ = ["BRIDGE", "TYPES"]

BRIDGE = """
[bridge.stage]
listen = "udp://127.0.0.1:9000"
[bridge.desk]
listen = "tcp://127.0.0.1:9001"
mode = "forking"
[endpoint.synth]
type = "sink"
[endpoint.web]
type = "sink"
[endpoint.everything]
type = "greedy"
"""


class Sink(Endpoint):
    """Opens and sends nothing: a test must not."""

    async def connect(self) -> None:
        raise AssertionError

    async def send(self, message: Message) -> None:
        raise AssertionError


class ChannelOptions(Options):
    channel: int


class Greedy(Endpoint[Options, Delivery[ChannelOptions]]):
    """Gets everything while no route leads to it."""

    default_routes = ("*",)

    async def send(self, message: Delivery[ChannelOptions]) -> None:
        raise AssertionError


TYPES = {"sink": Sink, "greedy": Greedy}
