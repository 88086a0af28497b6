"""The OSC protocol, pure: bytes in, messages out, and back.

No socket, no thread, no clock. Whatever the bytes, only errors of :mod:`oscbridge.errors` are
raised.
"""

from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.message import Message, Origin, decode_message, encode_message, encode_values
from oscbridge.osc.packet import (
    Bundle,
    Packet,
    decode_packet,
    encode_bundle,
    encode_packet,
    messages,
)
from oscbridge.osc.timetag import IMMEDIATELY, TimeTag
from oscbridge.osc.type_tags import infer
from oscbridge.osc.values import IMPULSE, MIDI, Argument, Color, Impulse

__all__ = [
    "DEFAULT_LIMITS",
    "IMMEDIATELY",
    "IMPULSE",
    "MIDI",
    "Argument",
    "Bundle",
    "Color",
    "Impulse",
    "Limits",
    "Message",
    "Origin",
    "Packet",
    "TimeTag",
    "decode_message",
    "decode_packet",
    "encode_bundle",
    "encode_message",
    "encode_packet",
    "encode_values",
    "infer",
    "messages",
]
