"""Which serial port a configuration means: a path, a USB identifier, or a part of a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import serialx

import oscbridge

__all__ = ["PortInfo", "choose_port", "find_port", "is_path", "list_ports"]

PLUG_INTERVAL: Final = 1.0
"""Seconds between looks for a device that is not plugged in."""

_PATH: Final = re.compile(r"/.+|COM[0-9]{1,3}", re.IGNORECASE)
_USB_ID: Final = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})", re.IGNORECASE)


class PortInfo(NamedTuple):
    """A serial port of this machine."""

    path: str
    usb_id: str
    """``2341:0043``; empty if it is not on USB."""
    name: str
    """The manufacturer, the product and the serial number, as far as they are known."""

    def __str__(self) -> str:
        text = " ".join(filter(None, (self.usb_id, self.name)))
        return f"{self.path} ({text})" if text else self.path


def is_path(device: str) -> bool:
    """Whether a device is written as a path, not as a name or an identifier to look for."""
    return _PATH.fullmatch(device) is not None


def choose_port(device: str, ports: Iterable[PortInfo]) -> str:
    """The path of the port with this USB identifier, or this in its name.

    Raises :class:`oscbridge.BackOff` if there is none, and :class:`oscbridge.NotConnected` if there
    are several.
    """
    ports = list(ports)
    if _USB_ID.fullmatch(device):
        found = [port for port in ports if port.usb_id == device.lower()]
    else:
        found = [port for port in ports if device.lower() in port.name.lower()]
    if not found:
        there = ", ".join(map(str, ports)) or "none"
        text = f"no serial port is {device!r}; plug it in; available: {there}"
        raise oscbridge.BackOff(PLUG_INTERVAL, text)
    if len(found) > 1:
        several = ", ".join(map(str, found))
        raise oscbridge.NotConnected(f"several serial ports are {device!r}: {several}; name one")
    return found[0].path


async def find_port(device: str) -> str:
    """The path of a device. Raises as :func:`choose_port` does."""
    if is_path(device):
        return device
    return choose_port(device, map(_info, await serialx.async_list_serial_ports()))


def list_ports() -> list[PortInfo]:
    """The serial ports of this machine."""
    return [_info(each) for each in serialx.list_serial_ports()]


def _info(port: serialx.SerialPortInfo) -> PortInfo:
    has_id = port.vid is not None and port.pid is not None
    usb_id = f"{port.vid:04x}:{port.pid:04x}" if has_id else ""
    parts = (port.manufacturer, port.product, port.interface_description, port.serial_number)
    return PortInfo(str(port.device), usb_id, " ".join(filter(None, parts)))
