"""The MIDI ports of the system, by mido and python-rtmidi: ALSA, JACK, CoreMIDI, Windows.

All calls here may block, and keep the whole interpreter meanwhile.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.port_names import VIRTUAL, PortNotFound, choose

__all__ = ["BACKENDS", "BackendName", "MidiBackend", "RtMidiPorts"]

CLIENT: Final = "oscbridge"
"""The name under which virtual ports are found."""

BackendName: TypeAlias = Literal["default", "alsa", "jack", "coremidi", "windows"]

BACKENDS: Final[Mapping[BackendName, str]] = {
    "default": "",
    "alsa": "LINUX_ALSA",
    "jack": "UNIX_JACK",
    "coremidi": "MACOSX_CORE",
    "windows": "WINDOWS_MM",
}
"""rtmidi's names of the backends."""

Direction: TypeAlias = Literal["output", "input"]


class MidiBackend:
    """The ports of one backend.

    Raises :class:`oscbridge.EndpointError` that says what is missing.
    """

    def __init__(self, name: BackendName = "default") -> None:
        api = BACKENDS[name]
        try:
            # Not for those who only use the network: it takes a while to load.
            mido: Any = importlib.import_module("mido")
            self._rtmidi: Any = importlib.import_module("rtmidi")
            path = f"mido.backends.rtmidi/{api}" if api else "mido.backends.rtmidi"
            self._backend: Any = mido.Backend(path, load=True, use_environ=False)
        except ImportError as error:
            raise oscbridge.EndpointError(_missing(error)) from error
        self._api: int = getattr(self._rtmidi, f"API_{api}" if api else "API_UNSPECIFIED")
        if api and self._api not in self._rtmidi.get_compiled_api():
            raise oscbridge.EndpointError(f"this system has no backend {name!r}")
        self.message: Any = mido.Message
        # Kept to be asked again and again: each new one is a client of the MIDI system.
        self._lists: dict[Direction, Any] = {}

    @property
    def is_jack(self) -> bool:
        """Whether the ports are JACK's, as far as it is known: behind :meth:`names`."""
        used = {probe.get_current_api() for probe in self._lists.values()}
        return self._rtmidi.API_UNIX_JACK in used

    def names(self, kind: Direction) -> list[str]:
        """The names of the ports that can be written to, or read.

        Raises :class:`PortNotFound` while the MIDI system does not run.
        """
        try:
            probe = self._lists.get(kind)
            if probe is None:
                maker = self._rtmidi.MidiOut if kind == "output" else self._rtmidi.MidiIn
                probe = self._lists[kind] = maker(rtapi=self._api)
            return list(probe.get_ports())
        except Exception as error:  # rtmidi has errors of its own, and the system's
            raise PortNotFound(_silent(str(error))) from error

    def open(
        self,
        kind: Direction,
        name: str,
        *,
        virtual: bool = False,
        callback: Callable[[Any], None] | None = None,
    ) -> Any:
        """A port of mido's. ``callback`` is called with what comes in, on a thread of its own."""
        options: dict[str, Any] = {"virtual": True, "client_name": CLIENT} if virtual else {}
        try:
            if kind == "output":
                return self._backend.open_output(name, **options)
            return self._backend.open_input(name, callback=callback, **options)
        except Exception as error:
            text = f"the {kind} port {name!r} cannot be opened: {error}"
            raise oscbridge.EndpointError(text) from error

    def close(self) -> None:
        for probe in self._lists.values():
            probe.delete()
        self._lists.clear()


def _missing(error: ImportError) -> str:
    """What to install so that the system's MIDI can be reached."""
    if isinstance(error, ModuleNotFoundError):
        return (
            "python-rtmidi is not installed: pip install oscbridge-midi[rtmidi] (where it has no "
            "wheel, as for Python 3.13, first: apt-get install build-essential libasound2-dev "
            "libjack-jackd2-dev)"
        )
    if "libasound" in str(error):
        return "the system library libasound2 is missing: apt-get install libasound2"
    if "libjack" in str(error):
        return "the system library libjack is missing: apt-get install libjack-jackd2-0"
    return f"python-rtmidi cannot be loaded: {error}"


def _silent(error: str) -> str:
    """What to do where the system's MIDI does not run."""
    if "Alsa" in error:
        return (
            "ALSA has no sequencer here; load the kernel module snd-seq, or, where JACK runs, "
            'use the backend "jack"'
        )
    if "Jack" in error:
        return "no JACK server runs; start it, as this user"
    return f"the MIDI system does not answer: {error}"


class _PortSpec(NamedTuple):
    """A port that is wanted."""

    kind: Direction
    wanted: str

    @property
    def is_virtual(self) -> bool:
        return self.wanted.startswith(VIRTUAL)


class RtMidiPorts:
    """An output and an input of the system, opened, looked after and closed together.

    ``hear`` is called with the bytes of each message that comes in, on a thread of its own.
    Raises :class:`oscbridge.EndpointError` that says what is missing.
    """

    def __init__(
        self,
        backend: BackendName,
        output: str | None,
        input: str | None,
        hear: Callable[[Sequence[int]], None],
    ) -> None:
        self._backend = MidiBackend(backend)
        self._wanted: list[_PortSpec] = []
        if output is not None:
            self._wanted.append(_PortSpec("output", output))
        if input is not None:
            self._wanted.append(_PortSpec("input", input))
        self._hear = hear
        self._ports: dict[Direction, Any] = {}
        self._names: dict[Direction, str] = {}
        self._seen: set[Direction] = set()

    @property
    def is_jack(self) -> bool:
        """Whether they are JACK's."""
        return self._backend.is_jack

    def open(self) -> dict[Direction, str]:
        """Open them, all or none. Their names. Raises :class:`oscbridge.EndpointError`."""
        for port in self._wanted:
            names = self._backend.names(port.kind)
            if port.is_virtual:
                self._names[port.kind] = port.wanted.removeprefix(VIRTUAL)
            else:
                self._names[port.kind] = choose(port.wanted, names, port.kind)
        for port in self._wanted:
            self._ports[port.kind] = self._backend.open(
                port.kind,
                self._names[port.kind],
                virtual=port.is_virtual,
                callback=self._heard if port.kind == "input" else None,
            )
        return self._names

    def _heard(self, message: Any) -> None:
        """Take a message of mido's. Called on the MIDI thread."""
        self._hear(message.bytes())

    def send(self, data: bytes) -> None:
        """Send a message. Raises what rtmidi raises."""
        self._ports["output"].send(self._backend.message.from_bytes(data))

    def look(self) -> list[Direction]:
        """The ports that are gone: the system does not say so by itself."""
        gone: list[Direction] = []
        for port in self._wanted:
            if self._is_listed(port):
                self._seen.add(port.kind)
            elif port.kind in self._seen or not port.is_virtual:
                gone.append(port.kind)
        return gone

    def _is_listed(self, port: _PortSpec) -> bool:
        """Whether a port is listed. A virtual one is in the list of the other side."""
        name = self._names[port.kind]
        if not port.is_virtual:
            return name in self._backend.names(port.kind)
        others = self._backend.names("input" if port.kind == "output" else "output")
        return any(name in other for other in others)

    def close(self) -> None:
        """Close what is open."""
        for port in self._ports.values():
            with contextlib.suppress(Exception):  # a port that is gone may well complain
                port.close()
        self._ports.clear()
        self._backend.close()
