"""The keys of an endpoint with ``type = "midi"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

import oscbridge
from oscbridge_midi import tcp
from oscbridge_midi.codec import NoteOff
from oscbridge_midi.port_names import VIRTUAL
from oscbridge_midi.rtmidi_ports import BackendName

__all__ = ["MidiOptions"]


def _port(text: str) -> str:
    if "://" in text:
        tcp.parse(text)
    elif not text.removeprefix(VIRTUAL).strip():
        raise ValueError("a port needs a name")
    return text


Port = Annotated[str, AfterValidator(_port)]


class MidiOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "midi"``."""

    listen: oscbridge.HostPort | None = None
    """Serve network MIDI here, as ``host:port``."""
    input: Port | None = None
    """Where to hear: a port's name, a part of it or its number, ``virtual:NAME`` or
    ``midi+tcp://host:port``."""
    output: Annotated[Port | None, Field(validate_default=True)] = None
    """Where to send; written as ``input``."""
    backend: BackendName = "default"
    """The MIDI system: ``alsa``, ``jack``, ``coremidi`` or ``windows``."""
    addresses: Literal["short", "long"] = "short"
    """How what comes in is addressed: ``/control 1 7 64``, or ``/control/1/7 64``."""
    note_off: NoteOff = "note_off"
    """How the end of a note is sent: ``note_off``, or ``velocity_0``."""
    out_of_range: Literal["clamp", "refuse"] = "clamp"
    """What happens to a value that MIDI has no room for."""
    parameters: bool = True
    """Whether NRPN and RPN are recognised in what comes in."""
    pairs: tuple[Annotated[int, Field(ge=0, le=31)], ...] = ()
    """Controllers, 0 to 31, that come as 14 bit pairs with the one 32 above."""
    clock: Literal["messages", "tempo", "ignore"] = "messages"
    """A clock that comes in: each tick as ``/clock``, or ``/tempo`` once a beat."""
    sysex: Literal["blob", "text"] = "blob"
    """How a sysex that comes in is told: as bytes, or as hexadecimal text."""
    din: bool = False
    """Whether to send no faster than a DIN cable carries, 3,125 bytes a second."""
    release: bool = False
    """Whether the notes of a client end when its connection breaks."""

    @field_validator("output", mode="after")
    @classmethod
    def _somewhere(cls, output: str | None, info: ValidationInfo) -> str | None:
        if not {"listen", "input"} <= info.data.keys():
            return output  # they have faults of their own
        listen, heard = info.data["listen"], info.data["input"]
        if output is None and heard is None and listen is None:
            raise ValueError('name a port, as output = "Launchpad"; oscbridge midi ports lists')
        if listen is not None and (output is not None or heard is not None):
            raise ValueError("'listen' is both ways: leave out 'input' and 'output'")
        return output
