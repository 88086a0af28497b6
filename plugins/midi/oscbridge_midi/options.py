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
        raise ValueError("must not be empty after 'virtual:'")
    return text


Port = Annotated[str, AfterValidator(_port)]


class MidiOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "midi"``."""

    listen: oscbridge.HostPort | None = None
    """The address of a server for MIDI over TCP: ``host:port``."""
    input: Port | None = None
    """The port to receive from: its name, a part of it or its number, ``virtual:NAME`` or
    ``midi+tcp://host:port``."""
    output: Annotated[Port | None, Field(validate_default=True)] = None
    """The port to send to, in the same notation as ``input``."""
    backend: BackendName = "default"
    """The MIDI system: ``alsa``, ``jack``, ``coremidi`` or ``windows``."""
    addresses: Literal["short", "long"] = "short"
    """The addresses of received messages: ``/control 1 7 64`` or ``/control/1/7 64``."""
    note_off: NoteOff = "note_off"
    """How the end of a note is sent: ``note_off`` or ``velocity_0``."""
    out_of_range: Literal["clamp", "refuse"] = "clamp"
    """Whether a value out of range is clamped, or its message refused."""
    parameters: bool = True
    """Whether NRPN and RPN are recognised in received controllers."""
    pairs: tuple[Annotated[int, Field(ge=0, le=31)], ...] = ()
    """Controllers, 0 to 31, received as 14-bit pairs with the controller 32 higher."""
    clock: Literal["messages", "tempo", "ignore"] = "messages"
    """A received clock: ``/clock`` for each tick, ``/tempo`` once per beat, or nothing."""
    sysex: Literal["blob", "text"] = "blob"
    """The argument of a received sysex: a blob, or hexadecimal text."""
    din: bool = False
    """Whether to send at the speed of a DIN cable, 3,125 bytes per second."""
    release: bool = False
    """Whether the notes of a client are ended when it disconnects."""
    max_connections: Annotated[int, Field(ge=1, le=1_000)] = 64
    """The most clients of ``listen`` at the same time. Above that, the one that has sent nothing
    for the longest time is disconnected, of the address with the most clients."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=1_000)] = 16
    """The most clients of ``listen`` from one address. Above that, its idlest one is
    disconnected."""

    @field_validator("output", mode="after")
    @classmethod
    def _somewhere(cls, output: str | None, info: ValidationInfo) -> str | None:
        if not {"listen", "input"} <= info.data.keys():
            return output  # they are invalid themselves
        listen, input_ = info.data["listen"], info.data["input"]
        if output is None and input_ is None and listen is None:
            raise ValueError('set a port, e.g. output = "Launchpad"; see `oscbridge midi ports`')
        if listen is not None and (output is not None or input_ is not None):
            raise ValueError("'listen' works in both directions; remove 'input' and 'output'")
        return output
