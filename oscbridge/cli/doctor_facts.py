"""What ``oscbridge doctor`` looks at: each function yields lines about one part of the machine.

None raises: what cannot be found out is said so.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distributions
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.bridge.config.configuration_source import saved_file
from oscbridge.bridge.config.state_path import state_directory
from oscbridge.contract.abilities import FindsDevices
from oscbridge.discovery.interfaces import list_interfaces
from oscbridge.discovery.own_addresses import own_addresses
from oscbridge.distributions import version
from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_calls import health
from oscbridge.monitoring.control_client import RunningProcess, processes
from oscbridge.monitoring.runtime_dir import folders
from oscbridge.nearby.local import list_local_devices
from oscbridge.net.os_errors import what_failed
from oscbridge.net.udp_socket import RECEIVE_BUFFER
from oscbridge.plugins.manager import Plugins

__all__ = ["EXTRAS", "SECTIONS", "Fact"]

MAX_INTERFACES: Final = 8

TIMEOUT: Final = 3.0
"""Seconds that a running bridge may take."""

PORTS: Final = (("UDP", 9000, "OSC"), ("TCP", 8080, "WebSocket"), ("TCP", 9180, "control room"))
"""What a bridge without a configuration listens on."""

EXTRAS: Final = (
    *("websocket", "mqtt", "nats", "midi", "dmx", "serial", "oscquery", "webhook", "ui"),
)

_USB_GROUP: Final = "dialout"
"""The group whose members may open serial devices, in Debian and its relatives."""

_FIREWALLS: Final = ("ufw", "firewall-cmd")
_RMEM_MAX: Final = Path("/proc/sys/net/core/rmem_max")
_SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")
_PREFIX: Final = "OSCBRIDGE_"

FIRST_YEAR: Final = 2026
"""An earlier time is that of a machine whose clock has never been set."""


class Fact(NamedTuple):
    """A line."""

    label: str
    text: str
    is_problem: bool = False


def _program(_plugins: Plugins) -> Iterator[Fact]:
    yield Fact("oscbridge", f"{version('oscbridge')} in {Path(__file__).parents[1]}")
    yield Fact("Python", f"{platform.python_version()} at {sys.executable}")
    yield Fact("system", platform.platform())
    variables = sorted(name for name in os.environ if name.startswith(_PREFIX))
    yield Fact("variables", ", ".join(variables) or "none begins with OSCBRIDGE_")


def _installed(plugins: Plugins) -> Iterator[Fact]:
    for plugin in plugins.plugins:
        if plugin.error is not None:
            yield Fact(plugin.name, f"broken: {plugin.error}", True)
    known = {plugin.name for plugin in plugins.plugins}
    working = [f"{each.name} {each.version or ''}".rstrip() for each in plugins.working]
    yield Fact("installed", ", ".join(working))
    missing = [each for each in EXTRAS if each not in known]
    if missing:
        yield Fact(
            "missing", f'{", ".join(missing)}; pip install "oscbridge[{missing[0]}]" adds one'
        )

    yield Fact("libraries", ", ".join(_libraries()))


def _libraries() -> list[str]:
    """What the bridge and its plugins need, with the installed versions."""
    needed: dict[str, None] = {}
    for found in distributions():
        if found.name.startswith("oscbridge"):
            texts = [each for each in found.requires or () if "extra ==" not in each]
            needed |= dict.fromkeys(re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in texts)
    return [f"{name} {_version(name)}" for name in sorted(needed) if "oscbridge" not in name]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def _running(_plugins: Plugins) -> Iterator[Fact]:
    try:
        yield from asyncio.run(_processes())
    except (OSError, OSCBridgeError) as error:
        yield Fact("bridges", f"cannot be found: {error}", True)


async def _processes() -> list[Fact]:
    found, silent = await processes()
    facts = [await _process(each) for each in found]
    facts += [Fact(f"process {pid}", "does not answer", True) for pid in silent]
    return facts or [Fact("bridges", "none runs for this user")]


async def _process(process: RunningProcess) -> Fact:
    label = f"process {process.pid}"
    try:
        problems, _ = await health(process, TIMEOUT)
    except OSCBridgeError as error:
        return Fact(label, str(error), True)
    text = problems[0] if problems else "ready"
    return Fact(label, f"{process.file or 'without a file'}: {text}", bool(problems))


def _network(_plugins: Plugins) -> Iterator[Fact]:
    addresses = own_addresses()
    yield Fact("addresses", ", ".join(addresses) or "none but this machine's own", not addresses)
    yield Fact("interfaces", _interfaces())
    for kind, port, use in PORTS:
        problem = _why_not_free(kind, port)
        yield Fact(f"{kind} {port}", f"{problem.partition(';')[0] or 'free'} ({use})")
    if sys.platform == "linux":
        yield from _receive_buffer()
        found = [each for each in _FIREWALLS if shutil.which(each)]
        hint = "may block ports: allow UDP 9000 in it" if found else "no ufw, no firewalld"
        yield Fact("firewall", f"{', '.join(found)} {hint}".strip())
    else:
        yield Fact("firewall", "may ask, or block silently: allow Python for incoming connections")


def _interfaces() -> str:
    try:
        found = list_interfaces()
    except ImportError:
        return 'unknown; pip install "oscbridge[discovery]" lists them'
    by_name: dict[str, list[str]] = {}
    for each in found:
        by_name.setdefault(each.name, []).append(each.address)
    shown = [f"{name} {' '.join(some)}" for name, some in list(by_name.items())[:MAX_INTERFACES]]
    return ", ".join(shown) or "none"


def _why_not_free(kind: str, port: int) -> str:
    type_ = socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, type_) as sock:
        if type_ == socket.SOCK_STREAM and os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("0.0.0.0", port))
        except OSError as error:
            return what_failed(error)
    return ""


def _receive_buffer() -> Iterator[Fact]:
    try:
        granted = int(_RMEM_MAX.read_text())
    except (OSError, ValueError) as error:
        yield Fact("buffer", f"unknown: {error}")
        return
    if granted < RECEIVE_BUFFER:
        hint = f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER} holds longer bursts"
        yield Fact("buffer", f"{granted:,} bytes for UDP; {hint}")
    else:
        yield Fact("buffer", f"{granted:,} bytes for UDP")


def _devices(plugins: Plugins) -> Iterator[Fact]:
    types = plugins.endpoint_types
    found = {name: each for name in types if issubclass(each := types[name], FindsDevices)}
    is_empty = True
    for name, factory in sorted(found.items()):
        devices, problem = asyncio.run(list_local_devices(factory))
        if devices or problem:
            is_empty = False
            yield Fact(name, problem or ", ".join(each.name for each in devices), bool(problem))
    if is_empty:
        yield Fact("devices", "none at the ports of this machine")


def _permissions(_plugins: Plugins) -> Iterator[Fact]:
    state = state_directory()
    nearest = next(each for each in (state, *state.parents) if each.exists())
    is_writable = os.access(nearest, os.W_OK)
    yield Fact("state", f"{state}{'' if is_writable else ': not writable'}", not is_writable)
    # A bridge takes the first one that it can use for its control socket.
    usable = [
        each for each in folders() if os.access(each if each.exists() else each.parent, os.W_OK)
    ]
    control = str(usable[0]) if usable else f"{folders()[0]}: not writable"
    yield Fact("control", control, not usable)
    file = saved_file()
    is_readable = file is None or os.access(file, os.R_OK)
    text = "none saved" if file is None else f"{file}{'' if is_readable else ': not readable'}"
    yield Fact("configuration", text, not is_readable)
    if sys.platform == "linux":
        yield Fact("user", _user())


def _user() -> str:
    """The number of the user, and whether it may open serial devices; Linux."""
    import grp

    if os.geteuid() == 0:
        return "root"
    try:
        group = grp.getgrnam(_USB_GROUP).gr_gid
    except KeyError:
        return str(os.geteuid())
    if group in os.getgroups():
        return f"{os.geteuid()}, in group {_USB_GROUP}"
    hint = f"for USB serial devices: sudo usermod -aG {_USB_GROUP} $USER, then log in again"
    return f"{os.geteuid()}, not in group {_USB_GROUP}; {hint}"


def _clock(_plugins: Plugins) -> Iterator[Fact]:
    now = time.localtime()
    is_set = now.tm_year >= FIRST_YEAR
    text = time.strftime("%Y-%m-%d %H:%M:%S %z", now)
    if not is_set:
        text += ": it has not been set; times of messages will be wrong"
    elif _SYNCHRONISED.exists():
        text += ", synchronised"
    yield Fact("clock", text, not is_set)


SECTIONS: Final[tuple[tuple[str, Callable[[Plugins], Iterator[Fact]]], ...]] = (
    ("Program", _program),
    ("Plugins", _installed),
    ("Running", _running),
    ("Network", _network),
    ("Devices", _devices),
    ("Permissions", _permissions),
    ("Clock", _clock),
)
"""The title of each part, and what finds its lines."""
