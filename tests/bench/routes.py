"""What the steps of a route cost: dispatching to a route with and without them."""

from __future__ import annotations

import statistics
import timeit

from table import show

from oscbridge.bridge.routes.pure_steps import PureSteps, RouteSpec
from oscbridge.bridge.routes.route import Route, StatefulOptions, StatefulSteps
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc import Message, encode_message

ROUNDS, NUMBER = 9, 20_000
CLIENT = ("127.0.0.1", 9)
SPECS = {
    "everything, no steps": RouteSpec(),
    "match": RouteSpec(match="/1/fader{n}"),
    "match, scale": RouteSpec(match="/1/fader{n}", scale=(0.0, 1.0, 0, 127)),
    "match, scale, send": RouteSpec(
        match="/1/fader{n}", scale=(0.0, 1.0, 0, 127), send="/control 1 {n} {0}"
    ),
}


class Nowhere:
    """A sink that takes everything."""

    name, type, routed, takes_route = "nowhere", "test", True, False

    def offer(self, message: Message) -> None:
        pass


def microseconds(spec: RouteSpec) -> float:
    dispatcher = Dispatcher()
    dispatcher.map(
        spec.match, Route(PureSteps(spec), StatefulSteps([Nowhere()], {}, StatefulOptions()))
    )
    packet = encode_message(Message.of("/1/fader3", 0.5))

    def reply(_client: object, _result: object) -> None:
        pass

    times = timeit.repeat(
        lambda: dispatcher.dispatch(packet, CLIENT, reply), number=NUMBER, repeat=ROUNDS
    )
    return statistics.median(times) / NUMBER * 1e6


def report() -> None:
    costs = {name: microseconds(spec) for name, spec in SPECS.items()}
    bare = next(iter(costs.values()))
    show(
        f"Decode, dispatch and route, µs a message (median of {ROUNDS})",
        ["route", "µs", "more than without steps"],
        [[name, f"{cost:.2f}", f"{cost - bare:+.2f}"] for name, cost in costs.items()],
    )
