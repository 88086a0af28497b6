"""The packages of this project that offer endpoint types, to suggest one that is missing."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from oscbridge.suggestions import did_you_mean, suggest

__all__ = ["PACKAGES", "missing_extras", "missing_type", "suggest_type"]

PACKAGES: Final[Mapping[str, str]] = {
    "artnet": "oscbridge-dmx",
    "midi": "oscbridge-midi",
    "mqtt": "oscbridge-mqtt",
    "nats": "oscbridge-nats",
    "oscquery": "oscbridge-oscquery",
    "sacn": "oscbridge-dmx",
    "serial": "oscbridge-serial",
    "webhook": "oscbridge-webhook",
    "websocket": "oscbridge-websocket",
}
"""Packages by the endpoint type that each offers. Only these are suggested: anybody may have
published a package under another name."""


def missing_extras(text: str, installed: Collection[str]) -> list[str]:
    """The extras of ``oscbridge`` that a configuration needs besides the installed types."""
    used = {each.get("type") for each in tomllib.loads(text).get("endpoint", {}).values()}
    missing = (used & PACKAGES.keys()) - set(installed)
    return sorted({PACKAGES[name].removeprefix("oscbridge-") for name in missing})


def missing_type(keys: Iterable[str], installed: Collection[str]) -> str:
    """The problem with the keys of an endpoint without ``type``: a misspelled one, or none."""
    for key in keys:
        if fix := did_you_mean(key, ["type"]):
            return f"unknown key {key!r}; {fix}"
    known = ", ".join(sorted(installed)) or "none: no plugins are installed"
    return f"missing key 'type'; available: {known}"


def suggest_type(word: str, installed: Collection[str]) -> str:
    """How to fix an unknown endpoint type: the nearest one, the package that offers it, or all."""
    missing = {name: package for name, package in PACKAGES.items() if name not in installed}
    if word in missing:
        return f"install the plugin that offers it: pip install {missing[word]}"
    near = did_you_mean(word, [*installed, *missing])
    for name, package in missing.items():
        if near == did_you_mean(name, [name]):
            return f"{near} Install it with: pip install {package}"
    return near or suggest(word, sorted(installed))
