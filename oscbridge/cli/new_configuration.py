"""The text of a new configuration, from a few answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from oscbridge.toml_text import TomlValue, toml_value

__all__ = ["TARGETS", "NewBridge", "TargetKind", "configuration_text"]


class TargetKind(NamedTuple):
    """A kind of target that is offered."""

    question: str
    """The question about its place."""
    default: str
    name: str
    """The name of its endpoint."""
    lines: tuple[tuple[str, TomlValue, str], ...]
    """Key, value and comment of each line of its table; ``{}`` in a text is the answer."""
    routes: tuple[tuple[str, ...], ...] = (('add match = "/mixer/*" to pass only some',),)
    """The comment and the lines between ``from`` and ``to`` of each route to it."""
    sent: str = "/fader/1 0.5"
    """A message of a device, for the test."""
    expected: str = "/fader/1 0.5"
    """The message that its endpoint gets then."""


TARGETS: Final[Mapping[str, TargetKind]] = {
    "browser": TargetKind(
        "Which TCP port do browsers connect to?",
        "8080",
        "web",
        (
            ("type", "websocket", ""),
            ("listen", "127.0.0.1:{}", "0.0.0.0 for other computers; then add a token"),
        ),
    ),
    "midi": TargetKind(
        "Which MIDI port? A part of its name; `oscbridge midi ports` lists them",
        "Synth",
        "synth",
        (
            ("type", "midi", ""),
            ("input", "{}", "a part of the port's name"),
            ("output", "{}", ""),
            ("on_start", "retry", "it may be plugged in later"),
        ),
        (
            (
                "fader 7 of TouchOSC is controller 7",
                'match = "/fader{n}"',
                "scale = [0.0, 1.0, 0, 127]",
                'send  = "/control 1 {n} {0}"',
            ),
            ("messages that are MIDI already", 'match = "/{note,control,program,pitch}*"'),
        ),
        "/fader7 0.5",
        "/control 1 7 64",
    ),
    "mqtt": TargetKind(
        "Where is the broker?",
        "127.0.0.1:1883",
        "house",
        (
            ("type", "mqtt", ""),
            ("broker", "mqtt://{}", ""),
            ("subscribe", ["stage/#"], "messages that are published there come back"),
            ("on_start", "retry", "the broker may start later"),
        ),
    ),
    "lights": TargetKind(
        "Which node gets sACN? Its address, or multicast",
        "multicast",
        "lights",
        (("type", "sacn", ""), ("to", "{}", "")),
        (
            (
                "fader 3 of TouchOSC is channel 3",
                'match = "/fader{n}"',
                'send  = "/dmx/1/{n} {0}"       # universe 1',
            ),
            ("messages that are levels already", 'match = "/dmx/*"'),
        ),
        "/fader3 0.5",
        "/dmx/1/3 0.5",
    ),
    "osc": TargetKind(
        "Where is the device or program?",
        "127.0.0.1:9001",
        "device",
        (("type", "osc", ""), ("to", "udp://{}", "also tcp://, for OSC 1.0 tcp+1.0://")),
    ),
}
"""By the word that selects it."""

ONE_WAY: Final = frozenset(("lights",))
"""Targets that send nothing."""


class NewBridge(NamedTuple):
    """The answers: what the configuration is about."""

    port: int
    """The UDP port where messages arrive."""
    target: str
    """A key of :data:`TARGETS`."""
    place: str
    """Where the target is."""
    profile: str
    """The device profile of an OSC target; empty for none."""
    both_ways: bool


def configuration_text(answers: NewBridge) -> str:
    """A configuration with comments, and a test."""
    target = TARGETS[answers.target]
    lines = [(key, _filled(value, answers.place), note) for key, value, note in target.lines]
    if answers.profile:
        lines.append(("profile", toml_value(answers.profile), "knows its addresses and ranges"))
    parts = [
        "# Check it with `oscbridge check`, try its tests with `oscbridge test`, and start it with",
        "# `oscbridge run`. A running bridge takes a changed file with `oscbridge reload`.",
        "",
        "[http]",
        _line("listen", '"127.0.0.1:9180"', "the control room; 0.0.0.0 for other computers", 8),
        _line("on_start", '"retry"', "another bridge may have the port", 8),
        "",
        "[bridge.stage]",
        _line("listen", f'"udp://0.0.0.0:{answers.port}"', "devices send to this port", 6),
        "",
        f"[endpoint.{target.name}]",
        *(_line(*line, max(len(key) for key, _, _ in lines)) for line in lines),
        "",
        *(line for route in target.routes for line in _route(target.name, *route)),
    ]
    if answers.both_ways and answers.target not in ONE_WAY:
        parts += [
            "[[route]]                                # to the devices that have sent something",
            f'from = "{target.name}"',
            'to   = "stage"',
            "",
        ]
    parts += [
        "[[test]]",
        'name   = "a message arrives"',
        'from   = "stage"',
        f'send   = "{target.sent}"',
        f'expect = "{target.name} {target.expected}"',
        "",
    ]
    return "\n".join(parts)


def _route(to: str, note: str, *steps: str) -> list[str]:
    """The lines of a route from the bridge to an endpoint."""
    width = 5 if steps else 4
    return [
        f"[[route]]{'':31} # {note}",
        f'{"from":{width}} = "stage"',
        *steps,
        f'{"to":{width}} = "{to}"',
        "",
    ]


def _filled(value: TomlValue, place: str) -> str:
    if isinstance(value, str):
        # A place may have the scheme, or the host, that is in the text already.
        has_scheme = value.endswith("://{}") and "://" in place
        has_host = value.endswith(":{}") and ":" in place
        value = place if has_scheme or has_host else value.replace("{}", place)
    return toml_value(value)


def _line(key: str, value: str, note: str, width: int) -> str:
    line = f"{key:{width}} = {value}"
    return f"{line:40} # {note}" if note else line
