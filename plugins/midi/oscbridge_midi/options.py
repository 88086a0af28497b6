"""The keys of an endpoint with ``type = "midi"``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
)

import oscbridge
from oscbridge_midi import tcp
from oscbridge_midi.codec import NoteOff
from oscbridge_midi.port_names import VIRTUAL, VirtualPort
from oscbridge_midi.receiver import DecodeOptions, Releases
from oscbridge_midi.rtmidi_ports import BackendName
from oscbridge_midi.rtp.address import RtpListen, RtpURL, is_rtp

__all__ = ["MidiOptions"]


def _port(text: str) -> str:
    if is_rtp(text):
        RtpURL.parse(text)
    elif "://" in text:
        tcp.parse(text)
    elif text.startswith(VIRTUAL):
        VirtualPort.parse(text)
    elif not text.strip():
        raise ValueError("must not be empty")
    return text


def _listen(value: object) -> oscbridge.HostPort | RtpListen:
    if not isinstance(value, str):
        raise ValueError('expected text, e.g. "127.0.0.1:9080" or "rtp://0.0.0.0:5004"')
    if is_rtp(value):
        return RtpListen.parse(value)
    if "://" in value:
        raise ValueError("write it as host:port for MIDI over TCP, or as rtp://host:port")
    return oscbridge.HostPort.parse(value)


def _bits(value: object) -> object:
    if value not in (7, 14):
        raise ValueError("expected 14, or 7 for values without controller 38")
    return value


def _announce(value: bool | str) -> bool | str:
    if isinstance(value, str):
        oscbridge.check_service_name(value)
    return value


Port = Annotated[str, AfterValidator(_port)]
ListenAddress = Annotated[
    oscbridge.HostPort | RtpListen, PlainValidator(_listen, json_schema_input_type=str)
]


class MidiOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "midi"``."""

    listen: ListenAddress | None = None
    """The address of a server for MIDI over TCP, ``host:port``, or for RTP-MIDI,
    ``rtp://host:port``, which also uses the next port."""
    input: Port | None = None
    """The port to receive from: its name, a part of it or its number, ``virtual:CLIENT:PORT``,
    ``midi+tcp://host:port``, ``rtp://host:port`` or ``rtp://NAME``."""
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
    releases: Releases = "as_received"
    """How received ends of notes look to routes: ``as_received``, ``note_off`` (``/note_off``) or
    ``velocity_0`` (``/note`` with velocity 0)."""
    parameters: bool = True
    """Whether NRPN and RPN are recognised in received controllers."""
    parameter_bits: Annotated[
        Literal[7, 14], BeforeValidator(_bits, json_schema_input_type=Literal[7, 14])
    ] = 14
    """The bits of the values of NRPN and RPN, both ways: 14, or 7 without controller 38."""
    pairs: tuple[Annotated[int, Field(ge=0, le=31)], ...] = ()
    """Controllers, 0 to 31, received as 14-bit pairs with the controller 32 higher."""
    banks: bool = False
    """Whether controllers 0 and 32 and the program after them are received as one message:
    ``/program`` with channel, bank and program."""
    clock: Literal["messages", "tempo", "ignore"] = "messages"
    """A received clock: ``/clock`` for each tick, ``/tempo`` once per beat, or nothing."""
    timecode: Literal["messages", "time", "ignore"] = "messages"
    """A received time code: ``/mtc`` for each quarter frame, ``/timecode`` once per frame, or
    nothing."""
    sysex: Literal["blob", "text"] = "blob"
    """The argument of a received sysex: a blob, or hexadecimal text."""
    din: bool = False
    """Whether to send at the speed of a DIN cable, 3,125 bytes per second."""
    release: bool = False
    """Whether the notes of a client are ended when it disconnects."""
    allow: oscbridge.AllowList = oscbridge.AllowList()
    """With ``listen``: networks and addresses that may connect, e.g. ``["192.168.1.0/24"]``; empty
    for all."""
    announce: Annotated[bool | str, AfterValidator(_announce)] = True
    """With ``listen = "rtp://..."``: whether the session is announced in the local network, under
    the endpoint's name or another one. Needs the extra ``discovery``."""
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
        if (client := _client_of(output)) and client == _client_of(input_):
            raise ValueError("'output' and 'input' need different clients; change one CLIENT")
        if listen is not None and (output is not None or input_ is not None):
            raise ValueError("'listen' works in both directions; remove 'input' and 'output'")
        return output

    @property
    def has_output(self) -> bool:
        """Whether messages can be sent."""
        return self.output is not None or self.listen is not None

    @property
    def decode_options(self) -> DecodeOptions:
        """How received messages are converted."""
        return DecodeOptions(
            self.addresses == "long",
            self.sysex == "text",
            self.clock,
            self.parameters,
            self.pairs,
            self.parameter_bits == 7,
            self.banks,
            self.releases,
            self.timecode,
        )

    def describe(self) -> str:
        """Where the endpoint leads, human-readable."""
        if self.listen is not None:
            is_tcp = isinstance(self.listen, oscbridge.HostPort)
            return f"{tcp.SCHEME}{self.listen}" if is_tcp else str(self.listen)
        ports = (("output", self.output), ("input", self.input))
        return ", ".join(f"{kind} {text!r}" for kind, text in ports if text is not None)

    def udp_listen(self) -> Sequence[oscbridge.HostPort]:
        if not isinstance(self.listen, RtpListen):
            return ()
        control = oscbridge.HostPort(*self.listen)
        data = control._replace(port=control.port + 1)
        return (control, data) if control.port else (control,)


def _client_of(port: str | None) -> str:
    """The client that a virtual port names; empty without one."""
    is_virtual = port is not None and port.startswith(VIRTUAL)
    return VirtualPort.parse(port).client if port is not None and is_virtual else ""
