"""The MIDI ports of the system, by mido and python-rtmidi: ALSA, JACK, CoreMIDI, Windows."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.inbound import Handover
from oscbridge_midi.names import VIRTUAL, NoPort, choose
from oscbridge_midi.worker import Worker

__all__ = ["BACKENDS", "Backend", "BackendName", "SystemPort"]

WATCH_INTERVAL: Final = 0.5
"""Seconds between looks at the list of ports."""

WAIT: Final = 8.0
"""Seconds that a port is waited for before it is said once more that it is not there."""

CLOSE_TIMEOUT: Final = 0.2
"""Seconds for the system to close a port; after that it is left to its thread."""

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


class _Direction(NamedTuple):
    """What differs between ports that are written to and ports that are read."""

    kind: Literal["output", "input"]
    maker: str
    """rtmidi's class for it."""


_OUTPUT: Final = _Direction("output", "MidiOut")
_INPUT: Final = _Direction("input", "MidiIn")


class Backend:
    """The ports of one backend. All calls may block: they belong on a :class:`Worker`.

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
        self._lists: dict[str, Any] = {}

    def names(self, kind: Literal["output", "input"]) -> list[str]:
        """The names of the ports that can be written to, or read."""
        try:
            probe = self._lists.get(kind)
            if probe is None:
                maker = getattr(self._rtmidi, (_OUTPUT if kind == "output" else _INPUT).maker)
                probe = self._lists[kind] = maker(rtapi=self._api)
            return list(probe.get_ports())
        except Exception as error:  # rtmidi has errors of its own, and the system's
            raise oscbridge.EndpointError(f"the MIDI system does not answer: {error}") from error

    def open(
        self,
        kind: Literal["output", "input"],
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


class SystemPort:
    """An output and an input of the system, opened, watched and closed together."""

    def __init__(
        self,
        backend: BackendName,
        *,
        output: str | None,
        input: str | None,
        handover: Handover | None,
        on_lost: Callable[[Exception], None],
    ) -> None:
        self._backend_name = backend
        self._wanted = [
            (direction, text)
            for direction, text in ((_OUTPUT, output), (_INPUT, input))
            if text is not None
        ]
        self._handover = handover
        self._on_lost = on_lost
        self._worker = Worker("oscbridge midi")
        self._backend: Backend | None = None
        self._ports: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._watching: asyncio.Task[None] | None = None
        self._is_gone = False

    @property
    def name(self) -> str:
        return ", ".join(f"{kind} {name!r}" for kind, name in self._names.items())

    async def open(self, *, patient: bool) -> None:
        """Open the ports. A ``patient`` one waits a while for those that are not there.

        Raises :class:`oscbridge.EndpointError`.
        """
        self._backend = await self._worker.run(lambda: Backend(self._backend_name))
        deadline = asyncio.get_running_loop().time() + WAIT
        while True:
            try:
                await self._worker.run(self._open)
                break
            except NoPort as error:
                if not patient:
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    # Looked for again at once: whoever plugs it in is waiting for it.
                    raise oscbridge.BackOff(WATCH_INTERVAL, str(error)) from error
            await asyncio.sleep(WATCH_INTERVAL)
        self._watching = asyncio.create_task(self._watch(), name="watch MIDI ports")

    def _open(self) -> None:
        assert self._backend is not None
        for direction, wanted in self._wanted:
            if not wanted.startswith(VIRTUAL):  # all of them are there, or none is opened
                names = self._backend.names(direction.kind)
                self._names[direction.kind] = choose(wanted, names, direction.kind)
        for direction, wanted in self._wanted:
            virtual = wanted.startswith(VIRTUAL)
            if virtual:
                self._names[direction.kind] = wanted.removeprefix(VIRTUAL)
            callback = self._received if direction is _INPUT else None
            self._ports[direction.kind] = self._backend.open(
                direction.kind, self._names[direction.kind], virtual=virtual, callback=callback
            )

    def _received(self, message: Any) -> None:
        """Take a message of mido's. Called on the MIDI thread."""
        if self._handover is not None:
            self._handover.put(message.bytes())

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, in order."""
        port, backend = self._ports.get("output"), self._backend
        if port is None or backend is None or self._is_gone:
            raise oscbridge.NotConnected("the output port is not open")
        read = backend.message.from_bytes

        def send() -> None:
            for data in messages:
                port.send(read(data))

        try:
            await self._worker.run(send)
        except Exception as error:  # rtmidi's own, of no common class
            raise oscbridge.NotConnected(f"{self.name}: {error}") from error

    async def _watch(self) -> None:
        """Notice that a port is gone: the system does not say so."""
        seen: set[str] = set()
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            try:
                there = await self._worker.run(self._still_there)
            except oscbridge.EndpointError as error:
                self._gone(str(error))
                return
            for kind, is_there in there.items():
                if is_there:
                    seen.add(kind)
                elif kind in seen or not self._is_virtual(kind):
                    self._gone(f"the {kind} port {self._names[kind]!r} is gone")
                    return

    def _gone(self, text: str) -> None:
        self._is_gone = True  # the system would go on to take messages for nobody
        self._on_lost(oscbridge.NotConnected(text))

    def _is_virtual(self, kind: str) -> bool:
        return any(
            direction.kind == kind and wanted.startswith(VIRTUAL)
            for direction, wanted in self._wanted
        )

    def _still_there(self) -> dict[str, bool]:
        """Whether each port is listed. A virtual one is in the list of the other side."""
        assert self._backend is not None
        found: dict[str, bool] = {}
        for direction, _ in self._wanted:
            kind, name = direction.kind, self._names[direction.kind]
            if self._is_virtual(kind):
                others = self._backend.names("input" if kind == "output" else "output")
                found[kind] = any(name in other for other in others)
            else:
                found[kind] = name in self._backend.names(kind)
        return found

    async def close(self) -> None:
        """Close what is open, as far as the system lets it in time."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.shield(self._worker.run(self._close))
        self._worker.stop()

    def _close(self) -> None:
        for port in self._ports.values():
            with contextlib.suppress(Exception):  # a port that is gone may well complain
                port.close()
        self._ports.clear()
        if self._backend is not None:
            self._backend.close()
