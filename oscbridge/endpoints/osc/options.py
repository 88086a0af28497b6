"""The options of the OSC endpoint."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

import oscbridge
from oscbridge.endpoints.osc.service_url import ServiceURL, Target, parse_target

__all__ = ["Keepalive", "OSCOptions", "packet_of"]

_OVER_UDP: Final = ("udp", "osc")
"""Schemes of targets that may be reached over UDP."""

_TO_SCHEMA: Final[dict[str, JsonValue]] = {
    "type": "string",
    "pattern": r"^((udp|tcp|tcp\+1\.0)://.+:[0-9]{1,5}/?|osc://.+)$",
    "examples": ["udp://192.168.1.40:9000", "osc://TouchOSC*"],
}


def _to(value: object) -> Target:
    url = parse_target(value)
    if isinstance(url, ServiceURL):
        return url
    if url.framing == "auto":
        raise ValueError(
            "a client must choose the framing: tcp:// (OSC 1.1, SLIP) or tcp+1.0:// (length)"
        )
    oscbridge.check_host(url.host)
    if not url.port:
        raise ValueError("port must be at least 1")
    return url


def _listen(value: object) -> object:
    """``udp://host:port``, as bridges have it, is accepted as well."""
    if isinstance(value, str) and "://" in value:
        url = oscbridge.OSCURL.parse(value)
        if url.scheme != "udp":
            raise ValueError("available only for udp://; over TCP replies use the connection")
        return str(oscbridge.HostPort(url.host, url.port))
    return value


def packet_of(text: str) -> bytes:
    """The packet of a message template without placeholders. Raises ``ValueError``."""
    template = oscbridge.MessageTemplate(text)
    if template.placeholders:
        raise ValueError("placeholders are not available here")
    return oscbridge.encode_message(template.fill(oscbridge.Message("/", "")))


def _message(text: str) -> str:
    packet_of(text)
    return text


class Keepalive(oscbridge.Options):
    """``keepalive = {...}``: a message that a device requires regularly to keep sending."""

    send: Annotated[str, AfterValidator(_message)]
    """The message, e.g. ``"/xremote"`` or ``"/subscribe 50"``."""
    every: Annotated[float, Field(ge=0.1, le=3600)]
    """Interval in seconds, 0.1 to 3600."""
    expect: bool = False
    """Whether the device replies. If so, it counts as unreachable after three silent intervals."""


class OSCOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "osc"``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"hops": "max_hops"}
    protected_keys: ClassVar[Collection[str]] = ("profile",)

    to: Annotated[Target, PlainValidator(_to), WithJsonSchema(_TO_SCHEMA)]
    """Where to send: ``udp://``, ``tcp://`` (OSC 1.1) or ``tcp+1.0://``, then ``host:port``.
    A multicast group or a broadcast address is fine. ``osc://NAME`` finds the device by the name
    of its service in the local network, e.g. ``"osc://TouchOSC*"``, and follows it; that needs
    ``pip install "oscbridge[discovery]"``."""
    listen: Annotated[
        oscbridge.HostPort | None, BeforeValidator(_listen, json_schema_input_type=str)
    ] = None
    """The local UDP address to send from and to receive replies on, ``host:port`` or
    ``udp://host:port``; by default any port. ``[::]`` and ``*`` are IPv6 and IPv4."""
    keepalive: Keepalive | None = None
    """A message that is sent regularly: ``{ send = "/xremote", every = 8 }``. With
    ``expect = true`` the device replies to it, as with
    ``{ send = "/xinfo", every = 8, expect = true }``
    of an X32: silence for three intervals is shown as not connected."""
    profile: oscbridge.Profile | None = None
    """What device it is: ``"x32"``, a profile that ``oscbridge profiles`` lists, or one of your
    own beside the configuration, ``profiles/NAME.toml``. It brings the keepalive, the questions
    after connecting, the reply port, and the addresses that ``check`` compares routes with."""
    passcode: oscbridge.Secret | None = None
    """The passcode of a device whose profile has a login (QLab): ``{ env = "…" }`` or
    ``{ file = "…" }``."""
    max_hops: Annotated[int, Field(ge=0, le=255)] = 1
    """Hop limit (TTL) of multicast packets; 1 keeps them within the local network."""
    interface: Annotated[str, AfterValidator(oscbridge.check_interface)] = ""
    """The interface for outgoing multicast: its address (IPv4) or its name (IPv6)."""

    @classmethod
    def allowed_values(cls, key: str) -> Collection[str]:
        return oscbridge.Profile.shipped() if key == "profile" else ()

    @property
    def local(self) -> oscbridge.HostPort | None:
        """Where to receive: ``listen``, or the port that the device of the profile sends to."""
        port = None if self.profile is None else self.profile.options.reply_port
        if self.listen is not None or port is None or self.to.scheme not in _OVER_UDP:
            return self.listen
        return oscbridge.HostPort("*", port)

    @field_validator("passcode")
    @classmethod
    def _is_asked_for(
        cls, passcode: oscbridge.Secret | None, info: ValidationInfo
    ) -> oscbridge.Secret | None:
        profile = info.data.get("profile")
        if passcode is not None and "profile" in info.data:
            if profile is None:
                raise ValueError("only with a profile that has a login, such as qlab")
            if profile.options.login is None:
                raise ValueError(f"the profile {profile.name!r} has no login")
        return passcode

    @field_validator("listen")
    @classmethod
    def _fits(
        cls, listen: oscbridge.HostPort | None, info: ValidationInfo
    ) -> oscbridge.HostPort | None:
        to = info.data.get("to")
        if listen is None or to is None:
            return listen
        if to.scheme not in _OVER_UDP:
            raise ValueError("available only for udp://; over TCP replies use the connection")
        if oscbridge.is_any_host(listen.host) or isinstance(to, ServiceURL):
            return listen
        if (":" in listen.host) != (":" in to.host) and _is_address(to.host):
            raise ValueError("listen and to must both be IPv4, or both be IPv6")
        return listen


def _is_address(host: str) -> bool:
    """Whether a host is an address, not a name."""
    return ":" in host or host.replace(".", "").isdigit()
