"""What the MIDI endpoint says about controls and about the ports of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

import oscbridge
from oscbridge_midi.controls import control_of, joined_control
from oscbridge_midi.options import MidiOptions
from oscbridge_midi.port_names import PortNotFound
from oscbridge_midi.rtmidi_ports import BackendName, MidiBackend

__all__ = ["MidiAbilities"]


class MidiAbilities(oscbridge.Serving, oscbridge.DescribesControls, oscbridge.FindsDevices):
    """The abilities that need nothing but the options."""

    options: MidiOptions
    control_examples = ("/control 1 7", "/note 1 60", "/pitch 1", "/program 1", "/nrpn 1 300")
    test_messages: ClassVar[Mapping[str, Sequence[str]]] = {
        "Send a note": ("/note 1 60 100", "/note_off 1 60 64")
    }

    def control_of(self, message: oscbridge.Message) -> oscbridge.ControlFacts | None:
        return control_of(message)

    def joined(self, upper: oscbridge.ControlId) -> oscbridge.JoinedControl | None:
        return joined_control(upper, self.options.pairs)

    @classmethod
    def local_devices(cls) -> Sequence[oscbridge.NearbyDevice]:
        """The ports of the MIDI system, or of JACK where that is not running."""
        try:
            return _ports("default")
        except PortNotFound:
            with suppress(oscbridge.EndpointError):
                return _ports("jack")
            raise


def _ports(backend: BackendName) -> Sequence[oscbridge.NearbyDevice]:
    """The ports of one backend: an input and an output with one name are one device."""
    system = MidiBackend(backend)
    extra: dict[str, oscbridge.TomlValue] = {} if backend == "default" else {"backend": backend}
    try:
        inputs, outputs = system.names("input"), system.names("output")
    finally:
        system.close()
    found = []
    for name in dict.fromkeys([*inputs, *outputs]):
        ways = {"input": name} if name in inputs else {}
        ways |= {"output": name} if name in outputs else {}
        found.append(oscbridge.NearbyDevice(name, {**ways, **extra}, " and ".join(ways)))
    return found
