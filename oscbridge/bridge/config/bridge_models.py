"""The models of a bridge: every key with its type, its default and its meaning."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from oscbridge.bridge.config.announce_models import check_advertise, check_announce
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.contract.options import Options
from oscbridge.net.allowlist import AllowList
from oscbridge.net.host_name import check_interface
from oscbridge.net.url import OSCURL

__all__ = ["BridgeOptions", "Mode"]

Mode = Literal["asyncio", "blocking", "threading", "forking"]


def _mode(value: Mode) -> Mode:
    if value == "forking" and not hasattr(os, "fork"):
        raise ValueError("not available on this system; use 'threading'")
    return value


def _max_messages_per_child(value: int, info: ValidationInfo) -> int:
    mode, listen = info.data.get("mode", "forking"), info.data.get("listen")
    if value == 1:
        return value
    if mode != "forking":
        raise ValueError("only for mode 'forking'; set mode = \"forking\", or remove it")
    if listen is not None and listen.scheme != "udp":
        raise ValueError(
            "only for udp://; over TCP a child handles all messages of its connection; remove it"
        )
    if sys.platform != "linux":
        raise ValueError("available on Linux only; remove it")
    return value


class BridgeOptions(Options):
    """``[bridge.NAME]``: an OSC server and the routes that read from it."""

    listen: OSCURL = OSCURL("udp", "127.0.0.1", 9000)
    """Where to listen: ``udp://``, ``tcp://`` (OSC 1.1), ``tcp+1.0://`` or ``tcp+auto://``, then
    ``host:port``. ``[::]`` and ``*`` are all addresses of this machine, IPv6 and IPv4, and
    ``0.0.0.0`` its IPv4 addresses. A multicast group is joined."""
    mode: Annotated[Mode, AfterValidator(_mode)] = "asyncio"
    """How messages are handled: ``asyncio``, ``blocking``, ``threading`` or ``forking``."""
    time_tags: Literal["hold", "forward"] = "hold"
    """What happens to messages with a future time tag: ``hold`` (they wait until then) or
    ``forward`` (they are routed at once, and OSC endpoints send the tag with them)."""
    on_start: Literal["error", "retry"] = "error"
    """What happens when it cannot listen at startup, e.g. because the network is not up yet:
    ``error`` (the program ends) or ``retry``."""
    workers: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Simultaneous threads or processes, in ``threading`` and ``forking``."""
    max_messages_per_child: Annotated[
        int, Field(ge=1, le=1_000_000), AfterValidator(_max_messages_per_child)
    ] = 1
    """Messages after which a process is replaced, in ``forking`` over UDP. Above 1 on Linux
    only."""
    interface: Annotated[str, AfterValidator(check_interface)] = ""
    """Where to join a multicast group: the address (IPv4) or name (IPv6) of an interface."""
    announce: Annotated[bool | str, AfterValidator(check_announce)] = False
    """Whether other programs can find it in the local network (mDNS): ``true``, or the name that
    they show. Needs ``pip install "oscbridge[discovery]"``."""
    advertise: Annotated[str, AfterValidator(check_advertise)] = ""
    """The IPv4 address that ``announce`` states, and the port if it is another one, e.g.
    ``"192.168.1.20:9000"``: for a container with its own network."""
    allow: AllowList = AllowList()
    """Networks and addresses that may send, e.g. ``["10.0.0.0/8", "127.0.0.1"]``; if empty,
    all may."""
    clients: BridgeClientOptions | None = None
    """A table about the clients that get the messages of routes with ``to = "NAME"``, see below."""
    limits: LimitOptions = LimitOptions()
    """A table of limits, see below."""
