"""The endpoint for a device on a serial port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final, TypeAlias

import serialx

import oscbridge
from oscbridge_serial.link import SerialLink
from oscbridge_serial.options import SerialOptions, SerialRoute
from oscbridge_serial.ports import PLUG_INTERVAL, find_port, list_ports

__all__ = ["SerialEndpoint"]

SerialDelivery: TypeAlias = oscbridge.Delivery[SerialRoute]

NO_PEER: Final[oscbridge.ClientAddress] = ("", 0)
"""There is only one device."""

_PORT_KEYS: Final = ("device", "baud_rate")
"""Options that require the port to be opened again."""


class SerialEndpoint(
    oscbridge.Endpoint[SerialOptions, SerialDelivery],
    oscbridge.Reconfigurable[SerialOptions],
    oscbridge.FindsDevices,
):
    """Sends messages to a device, and receives what it sends.

    A device that is not plugged in is waited for. A message counts as sent when the system has
    taken it; one that is not sent when the device is unplugged is sent again.
    """

    example_options: ClassVar[oscbridge.TomlTable] = {"device": "/dev/ttyACM0"}
    on_start = "retry"
    example_peer = "oscbridge_serial.conformance:PseudoTerminalPeer"
    default_routes = ("*",)

    def __init__(self, name: str, options: SerialOptions) -> None:
        super().__init__(name, options)
        self._codec = options.codec
        self._link: SerialLink | None = None
        self._path = options.device

    @classmethod
    def local_devices(cls) -> Sequence[oscbridge.NearbyDevice]:
        return [
            oscbridge.NearbyDevice(
                each.name or each.path, {"device": each.usb_id or each.path}, each.path
            )
            for each in list_ports()
        ]

    def describe(self) -> str:
        path, device = self._path, self.options.device
        shown = path if path == device else f"{device} on {path}"
        return f"{shown}, {self.options.baud_rate} baud"

    async def connect(self) -> None:
        options = self.options
        path = self._path = await find_port(options.device)
        self._link = link = SerialLink(self._codec, self._received, self._bad, self._lost)
        try:
            await link.open(path, options.baud_rate)
        except FileNotFoundError:
            raise oscbridge.BackOff(PLUG_INTERVAL, f"{path} is not there; plug it in") from None
        except PermissionError:  # also between plugging in and udev's rules
            fix = "add the user to the group of the device, e.g. dialout"
            text = f"{path}: permission denied; {fix}"
            raise oscbridge.BackOff(PLUG_INTERVAL, text) from None
        except (OSError, serialx.SerialException) as error:
            raise oscbridge.BackOff(PLUG_INTERVAL, f"{path}: {error}") from error
        await asyncio.sleep(options.start_delay)

    def update(self, options: SerialOptions) -> bool:
        """Continue, unless the port is another one."""
        if any(getattr(options, key) != getattr(self.options, key) for key in _PORT_KEYS):
            return False
        if options.protocol != self.options.protocol:
            return False
        self._codec = options.codec
        if self._link is not None:
            self._link.codec = self._codec
        return True

    async def close(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def send(self, delivery: SerialDelivery) -> None:
        if self._link is None:
            raise oscbridge.NotConnected("the port is not open")
        message, route, captures = delivery
        line = None if route is None else route.line
        await self._link.write(self._codec.encode(message, line, captures))

    # --- called by the link ------------------------------------------------------------------

    def _received(self, frame: bytes) -> None:
        try:
            found = self._codec.decode(frame)
        except oscbridge.DecodeError as error:
            self._bad(error)
            return
        if isinstance(found, bytes):
            self.host.receive_packet(found, NO_PEER)
        elif found is not None:
            self.receive(found, NO_PEER)

    def _bad(self, error: oscbridge.DecodeError) -> None:
        self.host.bad_input(error, NO_PEER)

    def _lost(self, error: Exception | None) -> None:
        text = "unplugged" if error is None or isinstance(error, OSError) else str(error)
        # Looked for at even intervals: a loose plug must not make it wait longer each time.
        self.host.connection_lost(oscbridge.BackOff(PLUG_INTERVAL, f"{self._path}: {text}"))
