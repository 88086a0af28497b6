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
        (("type", "sacn", "/dmx/1/12 0.5 is channel 12 of universe 1"), ("to", "{}", "")),
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
    address = "/dmx/1/1 0.5" if answers.target == "lights" else "/note 1 60 100"
    if answers.target not in ("lights", "midi"):
        address = "/fader/1 0.5"
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
        '[[route]]                                # add match = "/mixer/*" to pass only some',
        'from = "stage"',
        f'to   = "{target.name}"',
        "",
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
        f'send   = "{address}"',
        f'expect = "{target.name} {address}"',
        "",
    ]
    return "\n".join(parts)


def _filled(value: TomlValue, place: str) -> str:
    if isinstance(value, str):
        is_url = value.endswith("://{}") and "://" in place
        value = place if is_url else value.replace("{}", place)
    return toml_value(value)


def _line(key: str, value: str, note: str, width: int) -> str:
    line = f"{key:{width}} = {value}"
    return f"{line:40} # {note}" if note else line
