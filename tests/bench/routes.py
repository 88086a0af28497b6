"""The cost of the steps of a route: a bridge that receives messages over TCP and routes them.

The endpoint counts the messages and discards them. It is a plugin of this bench, so that
everything but the plugin contract and the configuration file may change between revisions.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import Figure
from harness import burst, free_port, is_accepted, running_bridge
from table import show

ROUNDS = 5
MESSAGES = 40_000
PORT_OF_CHECK = 9000
"""Nothing listens there."""
PACKET = b"/1/fader3\0\0\0,f\0\0\x3f\0\0\0"
ROUTES = {
    "everything, no steps": "",
    "match": 'match = "/1/fader{n}"',
    "match, scale": 'match = "/1/fader{n}"\nscale = [0.0, 1.0, 0, 127]',
    "match, scale, send": (
        'match = "/1/fader{n}"\nscale = [0.0, 1.0, 0, 127]\nsend = "/control 1 {n} {0}"'
    ),
    "match, send": 'match = "/1/fader{n}"\nsend = "/level {0}"',
}
NEWER = {
    "match, when, send": 'match = "/1/fader{n}"\nwhen = "x > 0.25"\nsend = "/level {0}"',
    "match, when, send an expression": (
        'match = "/1/fader{n}"\nwhen = "x > 0.25"\nsend = "/level {= x * 100}"'
    ),
    "match, when, send an expression with a type": (
        'match = "/1/fader{n}"\nwhen = "x > 0.25"\nsend = "/level {= x * 100 : f}"'
    ),
    "match, set, send": (
        'match = "/1/fader{n}"\nset = { last = "x" }\nsend = "/level {0}"\n[variables]\nlast = 0.0'
    ),
}
"""Routes that older revisions reject; those are not measured there."""

PLUGIN = f"""
import os, time
import oscbridge

class Count(oscbridge.Endpoint):
    seen, first = 0, 0

    async def send_batch(self, messages):
        if not self.seen:
            self.first = time.process_time_ns()
        self.seen += len(messages)
        if self.seen == {MESSAGES}:
            os.write(1, b"took %d ns\\n" % (time.process_time_ns() - self.first))
            self.seen = 0

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"count": Count}}
"""


@contextmanager
def plugin_path() -> Iterator[dict[str, str]]:
    """An environment in which the plugin is installed."""
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder) / "bench_count-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-count\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[oscbridge]\ncount = bench_count\n")
        (Path(folder) / "bench_count.py").write_text(PLUGIN)
        yield os.environ | {"PYTHONPATH": folder}


def configuration(route: str, port: int) -> str:
    """A bridge with this route to an endpoint of the plugin."""
    return (
        f'[bridge.in]\nlisten = "tcp+1.0://127.0.0.1:{port}"\n'
        f'[endpoint.out]\ntype = "count"\npolicy = "block"\n'
        f'[[route]]\nfrom = "in"\nto = "out"\n{route}\n'
    )


def measure(route: str, rounds: int) -> float:
    """Microseconds of CPU time per message, from the socket to the endpoint. The median."""
    port = free_port(socket.SOCK_STREAM)
    text = configuration(route, port)
    found = []
    with plugin_path() as environment, running_bridge(text, environment) as process:
        assert process.stdout is not None
        for _ in range(rounds + 1):
            sender = burst(port, PACKET, MESSAGES)
            while not (took := re.search(r"took (\d+) ns", process.stdout.readline())):
                if process.poll() is not None:
                    raise RuntimeError(f"the bridge ended with {process.returncode}")
            found.append(int(took[1]) / MESSAGES / 1000)
            sender.wait()
    return statistics.median(found[1:])  # the first one is a warm-up


def figures() -> Iterator[Figure]:
    with plugin_path() as environment:
        newer = {
            name: route
            for name, route in NEWER.items()
            if is_accepted(configuration(route, PORT_OF_CHECK), environment)
        }
    for name, route in (ROUTES | newer).items():
        yield Figure(name, measure(route, ROUNDS), "µs/message", "lower")


def report() -> None:
    costs = {name: measure(route, ROUNDS) for name, route in (ROUTES | NEWER).items()}
    bare = next(iter(costs.values()))
    show(
        f"From TCP through a route to an endpoint, µs of CPU time per message (median of {ROUNDS})",
        ["route", "µs", "more than without steps"],
        [[name, f"{cost:.2f}", f"{cost - bare:+.2f}"] for name, cost in costs.items()],
    )
