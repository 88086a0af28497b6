"""The messages of the view Devices, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import JsonValue

from oscbridge_ui.protocol_base import CommandId, Name, ProtocolModel

__all__ = [
    "DeviceFound",
    "DevicesMessage",
    "DevicesState",
    "EndpointKind",
    "LookForDevices",
    "PluginState",
    "ProfileState",
    "TestEndpoint",
    "WatchDevices",
]


class WatchDevices(ProtocolModel):
    """Look for devices. Requires the right ``configure``, as all of this view."""

    type: Literal["watch_devices"]


class LookForDevices(ProtocolModel):
    """List the ports of the machine again."""

    type: Literal["look_for_devices"]
    id: CommandId


class TestEndpoint(ProtocolModel):
    """Send the test messages of an endpoint."""

    type: Literal["test_endpoint"]
    id: CommandId
    name: Name
    """The endpoint."""
    test: Name
    """What the button says."""


DevicesMessage: TypeAlias = WatchDevices | LookForDevices | TestEndpoint
"""A message from the page."""


class DeviceFound(ProtocolModel):
    """A device that could be added, or is an endpoint already."""

    endpoint_type: str
    name: str
    place: str
    origin: Literal["network", "machine"]
    endpoint: str
    """The endpoint that reaches it already; empty if there is none."""
    proposed_name: str
    table: Mapping[str, JsonValue]
    """The table of the endpoint that would reach it."""


class EndpointKind(ProtocolModel):
    """A type of endpoints."""

    name: str
    text: str
    """What it is."""
    tests: Sequence[str]
    """What its test buttons say."""
    example: Mapping[str, JsonValue]
    """Options to begin with."""
    error: str
    """Why it cannot be used."""


class ProfileState(ProtocolModel):
    """A device profile."""

    name: str
    title: str
    addresses: int
    to: str
    """Where the device listens, with a host to replace; empty if that is not known."""


class PluginState(ProtocolModel):
    """An installed plugin."""

    name: str
    version: str
    types: Sequence[str]
    """The endpoint types that it offers."""
    error: str
    """Why it cannot be used."""


class DevicesState(ProtocolModel):
    """The devices that are found, and the types and profiles that can be added."""

    type: Literal["devices"] = "devices"
    is_listing: bool
    """Whether the ports of the machine are being listed."""
    found: Sequence[DeviceFound]
    problems: Mapping[str, str]
    """Why devices of a type cannot be found; "network" is for all services."""
    kinds: Sequence[EndpointKind]
    profiles: Sequence[ProfileState]
    plugins: Sequence[PluginState]
