"""The configuration file: TOML in, checked and frozen models out.

Everything that can be found without opening a socket is found here, and all of it at once.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from oscbridge.bridge.config.environment import PREFIX, mistaken, overlay
from oscbridge.bridge.config.error_messages import nearest
from oscbridge.bridge.config.reader import Reader
from oscbridge.bridge.config.resolved import Configuration, EndpointEntry, RouteEntry
from oscbridge.endpoint import Endpoint
from oscbridge.errors import ConfigurationError
from oscbridge.net.os_errors import what_failed

__all__ = [
    "DEFAULT",
    "Configuration",
    "EndpointEntry",
    "RouteEntry",
    "load",
    "parse",
]

_log: Final = logging.getLogger("oscbridge")

DEFAULT = """\
[bridge.osc]
listen = "udp://127.0.0.1:9000"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:8080"
"""
"""What runs without a file."""

MAX_FILE = 1 << 20
"""Bytes of a configuration file."""


def load(path: Path, types: Mapping[str, type[Endpoint]]) -> Configuration:
    """Read a file, and the environment. ``types`` are the endpoint types by name.

    Raises :class:`ConfigurationError` that lists every fault.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        near = nearest(path.name, [each.name for each in path.parent.glob("*.toml")])
        text = f"{path}: there is no such file; {near or 'check the name'}"
        raise ConfigurationError(text) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {what_failed(error)}") from None
    if len(raw) > MAX_FILE:
        raise ConfigurationError(f"{path}: larger than {MAX_FILE} bytes; is it a configuration?")
    try:
        text = raw.decode("utf-8-sig")  # Windows' editors put a mark in front
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line}: not UTF-8; save it as UTF-8") from None
    return parse(text, types, str(path), path.absolute().parent)


def parse(
    text: str, types: Mapping[str, type[Endpoint]], name: str, directory: Path | None = None
) -> Configuration:
    """Read TOML, and the environment, which comes first.

    ``name`` is the file's, for the errors; other files begin at ``directory``. The log says
    which variables there were. Raises :class:`ConfigurationError` that lists every fault.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{name}: not TOML: nested too deeply") from None
    overlaid = overlay(raw, os.environ)
    reader = Reader(overlaid.raw, types, directory)
    faults = [f"environment: {fault}" for fault in overlaid.faults]
    faults += [f"{name}: {overlaid.explain(fault)}" for fault in reader.faults]
    if faults:
        raise ConfigurationError("\n".join(faults))
    if overlaid.variables:
        _log.info("settings from the environment: %s", ", ".join(overlaid.variables))
    for variable in mistaken(os.environ):  # no fault: Kubernetes names its services so
        _log.warning("%s is no setting; those begin with %s", variable, PREFIX)
    if not reader.bridges and not reader.endpoints:
        _log.warning("%s: there is no bridge and no endpoint: nothing will come in", name)
    return Configuration(reader.bridges, reader.endpoints, reader.routes, reader.http, reader.run)
