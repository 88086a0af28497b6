"""The MIDI ports of the system through python-rtmidi: ALSA, JACK, CoreMIDI, Windows.

Any call here may block and hold the interpreter lock.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.port_names import MAX_CLIENT, VIRTUAL, PortNotFound, VirtualPort, choose
from oscbridge_midi.stream_parser import MidiStreamParser

__all__ = ["BACKENDS", "BackendName", "MidiBackend", "RtMidiPorts"]

CLIENT: Final = "oscbridge"
"""The name of the client that lists ports; other names of clients begin with it."""

BackendName: TypeAlias = Literal["default", "alsa", "jack", "coremidi", "windows"]

BACKENDS: Final[Mapping[BackendName, str]] = {
    "default": "",
    "alsa": "LINUX_ALSA",
    "jack": "UNIX_JACK",
    "coremidi": "MACOSX_CORE",
    "windows": "WINDOWS_MM",
}
"""rtmidi's name of each backend."""

Direction: TypeAlias = Literal["output", "input"]


class MidiBackend:
    """The ports of one backend.

    Raises :class:`oscbridge.EndpointError` if a library is missing, with how to install it.
    """

    def __init__(self, name: BackendName = "default") -> None:
        api = BACKENDS[name]
        try:
            # Imported here, since it is slow and not needed for MIDI over the network.
            self._rtmidi: Any = importlib.import_module("rtmidi")
        except ImportError as error:
            raise oscbridge.EndpointError(_missing(error)) from error
        self._api: int = getattr(self._rtmidi, f"API_{api}" if api else "API_UNSPECIFIED")
        if api and self._api not in self._rtmidi.get_compiled_api():
            raise oscbridge.EndpointError(f"backend {name!r} is not available on this system")
        # Kept for later calls: each new one would be another client of the MIDI system.
        self._lists: dict[Direction, Any] = {}

    @property
    def is_jack(self) -> bool:
        """Whether the ports belong to JACK; known once :meth:`names` has been called."""
        used = {probe.get_current_api() for probe in self._lists.values()}
        return self._rtmidi.API_UNIX_JACK in used

    def names(self, kind: Direction) -> list[str]:
        """The names of the output or input ports.

        Raises :class:`PortNotFound` while the MIDI system is not running.
        """
        try:
            probe = self._lists.get(kind)
            if probe is None:
                maker = self._rtmidi.MidiOut if kind == "output" else self._rtmidi.MidiIn
                probe = self._lists[kind] = maker(rtapi=self._api, name=f"{CLIENT} lists")
            return list(probe.get_ports())
        except Exception as error:  # rtmidi's errors have no common base class
            raise PortNotFound(_not_running(str(error))) from error

    def open(
        self,
        kind: Direction,
        name: str,
        *,
        client: str = CLIENT,
        virtual: bool = False,
        callback: Callable[[bytes], None] | None = None,
    ) -> Any:
        """Open a port of rtmidi, as part of a client with this name.

        ``callback`` gets received messages, on a separate thread.
        """
        maker = self._rtmidi.MidiOut if kind == "output" else self._rtmidi.MidiIn
        port: Any = None
        try:
            port = maker(rtapi=self._api, name=client)
            if virtual:
                port.open_virtual_port(name)
            else:
                port.open_port(port.get_ports().index(name), kind)
            if callback is not None:
                receive = callback
                port.ignore_types(sysex=False, timing=False, active_sense=True)
                port.set_callback(lambda event, _data: receive(bytes(event[0])))
            return port
        except Exception as error:  # rtmidi's errors have no common base class
            if port is not None:
                port.delete()
            text = f"cannot open the {kind} port {name!r}: {error}"
            raise oscbridge.EndpointError(text) from error

    def close(self) -> None:
        for probe in self._lists.values():
            probe.delete()
        self._lists.clear()


def _missing(error: ImportError) -> str:
    """What to install to use the system's MIDI ports."""
    if isinstance(error, ModuleNotFoundError):
        return (
            "python-rtmidi is not installed: pip install oscbridge-midi[rtmidi] (where it has no "
            "wheel, i.e. for Python 3.13 and newer, first: apt-get install build-essential "
            "pkg-config python3-dev libasound2-dev libjack-jackd2-dev)"
        )
    if "libasound" in str(error):
        return "the system library libasound2 is missing: apt-get install libasound2"
    if "libjack" in str(error):
        return "the system library libjack is missing: apt-get install libjack-jackd2-0"
    return f"cannot load python-rtmidi: {error}"


def _not_running(error: str) -> str:
    """What to do where the MIDI system is not running."""
    if "Alsa" in error:
        return (
            "ALSA has no sequencer; load the kernel module snd-seq or, where JACK is running, "
            'use the backend "jack"'
        )
    if "Jack" in error:
        return "no JACK server is running; start one as this user"
    return f"the MIDI system does not respond: {error}"


class _PortSpec(NamedTuple):
    """A port to open."""

    kind: Direction
    wanted: str

    @property
    def is_virtual(self) -> bool:
        return self.wanted.startswith(VIRTUAL)


class RtMidiPorts:
    """An output and an input of the system, opened, watched and closed together.

    ``on_message`` is called with each received message and ``on_bad`` with invalid bytes,
    on a separate thread. ``client`` is the beginning of the names of the clients that the ports
    belong to: the same at each start, and different for each endpoint. Raises
    :class:`oscbridge.EndpointError` if a library is missing.
    """

    def __init__(
        self,
        backend: BackendName,
        output: str | None,
        input: str | None,
        client: str,
        on_message: Callable[[bytes], None],
        on_bad: Callable[[oscbridge.DecodeError], None],
    ) -> None:
        self._backend = MidiBackend(backend)
        self._wanted: list[_PortSpec] = []
        if output is not None:
            self._wanted.append(_PortSpec("output", output))
        if input is not None:
            self._wanted.append(_PortSpec("input", input))
        self._client = client
        self._on_message = on_message
        self._on_bad = on_bad
        self._parser = MidiStreamParser()
        self._ports: dict[Direction, Any] = {}
        self._names: dict[Direction, str] = {}
        self._seen: set[Direction] = set()

    @property
    def is_jack(self) -> bool:
        """Whether the ports belong to JACK."""
        return self._backend.is_jack

    def open(self) -> dict[Direction, str]:
        """Open all of them, or raise :class:`oscbridge.EndpointError`. Returns their names."""
        for port in self._wanted:
            names = self._backend.names(port.kind)
            if port.is_virtual:
                self._names[port.kind] = VirtualPort.parse(port.wanted).port
            else:
                self._names[port.kind] = choose(port.wanted, names, port.kind)
        for port in self._wanted:
            self._ports[port.kind] = self._backend.open(
                port.kind,
                self._names[port.kind],
                client=self._client_of(port),
                virtual=port.is_virtual,
                callback=self._received if port.kind == "input" else None,
            )
        return self._names

    def _client_of(self, port: _PortSpec) -> str:
        if port.is_virtual and (client := VirtualPort.parse(port.wanted).client):
            return client
        end = " out" if port.kind == "output" else " in"
        return self._client.encode()[: MAX_CLIENT - len(end)].decode(errors="ignore") + end

    def _received(self, data: bytes) -> None:
        """Handle what a driver passes: a message, or a part of a long sysex.

        Called on the MIDI thread.
        """
        for found in self._parser.feed(data):
            if isinstance(found, bytes):
                self._on_message(found)
            else:
                self._on_bad(found)

    def send(self, data: bytes) -> None:
        """Send a message. Raises any error of rtmidi."""
        self._ports["output"].send_message(data)

    def missing(self) -> list[Direction]:
        """The ports that have disappeared; the system does not notify about that."""
        gone: list[Direction] = []
        for port in self._wanted:
            if self._is_listed(port):
                self._seen.add(port.kind)
            elif port.kind in self._seen or not port.is_virtual:
                gone.append(port.kind)
        return gone

    def _is_listed(self, port: _PortSpec) -> bool:
        """Whether a port is listed. A virtual port is listed for the opposite direction."""
        name = self._names[port.kind]
        if not port.is_virtual:
            return name in self._backend.names(port.kind)
        others = self._backend.names("input" if port.kind == "output" else "output")
        return any(name in other for other in others)

    def close(self) -> None:
        """Close all open ports."""
        for port in self._ports.values():
            with contextlib.suppress(Exception):  # closing a port that has disappeared may fail
                if hasattr(port, "cancel_callback"):
                    port.cancel_callback()  # before it closes: the thread must not use it
                port.close_port()
                port.delete()
        self._ports.clear()
        self._backend.close()
