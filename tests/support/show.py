"""A show: a configuration, and the traffic of its devices; for pictures and for tests of views."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from oscbridge import MIDI, Color, Message, TimeTag, encode_message
from oscbridge.testing import OscbridgeProcess

__all__ = ["ShowTraffic", "many_endpoints", "theatre"]

TURN = 0.05
"""Seconds between two turns of the traffic."""


def theatre(desk: int, nowhere: int) -> str:
    """The configuration of a small theatre; ``desk`` is a port that is heard, ``nowhere`` not."""
    return f"""
[http]
listen = "127.0.0.1:0"

[bridge.stage]
listen = "udp://127.0.0.1:0"

[bridge.cues]
listen = "tcp://127.0.0.1:0"

[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:{desk}"

[endpoint.dashboard]
type     = "websocket"
listen   = "127.0.0.1:0"
snapshot = true

[endpoint.house]
type     = "mqtt"
broker   = "mqtt://127.0.0.1:{nowhere}"
on_start = "retry"

[[route]]
name  = "faders"
from  = "stage"
match = "/1/fader{{n}}"
send  = "/ch/{{n}}/level {{0}}"
to    = ["desk", "dashboard"]
limit = "16/s"

[[route]]
name  = "meters"
from  = "stage"
match = "/meters/*"
to    = "dashboard"

[[route]]
name  = "lights"
from  = "stage"
match = "/light/*"
to    = "house"

[[route]]
name  = "cue-list"
from  = "cues"
match = "/cue/*"
to    = ["desk", "dashboard"]

[[route]]
name  = "touch"
from  = "dashboard"
match = "/bus/*"
to    = "desk"
"""


def many_endpoints(count: int, port: int) -> str:
    """A configuration with so many endpoints, each with its route; all send to one port."""
    text = '[http]\nlisten = "127.0.0.1:0"\n[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
    for i in range(1, count + 1):
        text += (
            f'[endpoint.rack{i}]\ntype = "osc"\nto = "udp://127.0.0.1:{port}"\n'
            f'[[route]]\nname = "zone-{i}"\nfrom = "stage"\nmatch = "/zone/{i}/*"\n'
            f'to = "rack{i}"\n'
        )
    return text


def _messages(turn: int) -> Iterator[Message]:
    """What the devices send in one turn."""
    at = turn * TURN
    for i in range(1, 9):
        yield Message.of(f"/1/fader{i}", 0.5 + 0.5 * math.sin(at / 3 + i))
    for i in range(1, 33):
        if (turn + i) % 2:
            level = abs(math.sin(at * 2 + i)) * (0.4 + 0.6 * abs(math.sin(at / 40 + i)))
            yield Message.of(f"/meters/{i}", round(level, 4))
    if turn % 5 == 0:
        yield Message.of("/light/1/level", 0.5 + 0.5 * math.sin(at / 5))
        yield Message("/light/1/colour", "r", (Color(_colour(at)),))
        yield Message.of("/pan", math.sin(at / 2))
        yield Message.of("/xy", 0.5 + 0.4 * math.cos(at / 2), 0.5 + 0.4 * math.sin(at / 2))
    if turn % 40 == 0:
        yield Message.of("/toggle/safe", turn % 80 == 0)
        yield Message.of("/cue/name", f"{20 + turn // 40 % 9}. Ariel enters, storm fades")
        yield Message.of("/cue/go")
        yield Message.of("/blob", bytes(range(12)))
        yield Message("/pad/note", "m", (MIDI(0, 0x90, 60 + turn // 40 % 12, 100),))
        yield Message("/clock", "t", (TimeTag.from_unix(time.time()),))


def _colour(at: float) -> int:
    """A warm colour that changes slowly: red, green, blue, alpha."""
    red, green = 200 + int(40 * math.sin(at / 7)), 120 + int(60 * math.sin(at / 5))
    return red << 24 | green << 16 | 88 << 8 | 255


class ShowTraffic:
    """Sends to the bridge ``stage`` until it ends."""

    def __init__(self, process: OscbridgeProcess) -> None:
        self._process = process
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._is_ending.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._is_ending.wait(TURN):
            self._process.send("stage", *map(encode_message, _messages(turn)))
            turn += 1
