"""A bridge from OSC (Open Sound Control) to other protocols, and back.

These are the public names, for plugins and programs. They are imported on first use, so a
program that only serves or sends OSC does not load the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oscbridge.bridge.config.captures import check_captures
    from oscbridge.bridge.config.secrets import File, Secret
    from oscbridge.child_process import child_environment
    from oscbridge.dispatch.dispatcher import Dispatcher
    from oscbridge.endpoint import Endpoint, Host, Options, Routed, RouteInfo
    from oscbridge.errors import (
        BackOff,
        BadMessage,
        ConfigurationError,
        DecodeError,
        EncodeError,
        EndpointError,
        LimitError,
        MessageDropped,
        NotConnected,
        OSCBridgeError,
        OSCError,
        PatternError,
        PluginError,
    )
    from oscbridge.hooks import hookimpl
    from oscbridge.net.hosts import HostPolicy, is_loopback
    from oscbridge.net.token_bucket import TokenBucket
    from oscbridge.net.url import OSCURL, HostPort
    from oscbridge.osc import (
        IMMEDIATELY,
        IMPULSE,
        MIDI,
        Argument,
        Bundle,
        Color,
        Impulse,
        Limits,
        Message,
        Origin,
        Packet,
        Pattern,
        Subject,
        TimeTag,
        decode_packet,
        encode_bundle,
        encode_message,
        encode_packet,
        infer,
        is_pattern,
        messages,
    )
    from oscbridge.osc.conversion import nearest_whole
    from oscbridge.osc.json import decode_json, encode_json
    from oscbridge.osc.text import is_number
    from oscbridge.source import Sink, Source
    from oscbridge.templates.message import MessageTemplate
    from oscbridge.templates.placeholders import Placeholder, Template

_HOMES = {
    "oscbridge.bridge.config.captures": ("check_captures",),
    "oscbridge.child_process": ("child_environment",),
    "oscbridge.endpoint": ("Endpoint", "Host", "Options", "RouteInfo", "Routed"),
    "oscbridge.bridge.config.secrets": ("File", "Secret"),
    "oscbridge.source": ("Sink", "Source"),
    "oscbridge.dispatch.dispatcher": ("Dispatcher",),
    "oscbridge.errors": (
        "BackOff",
        "BadMessage",
        "ConfigurationError",
        "DecodeError",
        "EncodeError",
        "EndpointError",
        "LimitError",
        "MessageDropped",
        "NotConnected",
        "OSCBridgeError",
        "OSCError",
        "PatternError",
        "PluginError",
    ),
    "oscbridge.osc.text": ("is_number",),
    "oscbridge.osc": (
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
        "Pattern",
        "Subject",
        "TimeTag",
        "decode_packet",
        "encode_bundle",
        "encode_message",
        "encode_packet",
        "infer",
        "is_pattern",
        "messages",
    ),
    "oscbridge.osc.conversion": ("nearest_whole",),
    "oscbridge.osc.json": ("decode_json", "encode_json"),
    "oscbridge.hooks": ("hookimpl",),
    "oscbridge.net.hosts": ("HostPolicy", "is_loopback"),
    "oscbridge.net.token_bucket": ("TokenBucket",),
    "oscbridge.net.url": ("OSCURL", "HostPort"),
    "oscbridge.templates.message": ("MessageTemplate",),
    "oscbridge.templates.placeholders": ("Placeholder", "Template"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "IMMEDIATELY",
    "IMPULSE",
    "MIDI",
    "OSCURL",
    "Argument",
    "BackOff",
    "BadMessage",
    "Bundle",
    "Color",
    "ConfigurationError",
    "DecodeError",
    "Dispatcher",
    "EncodeError",
    "Endpoint",
    "EndpointError",
    "File",
    "Host",
    "HostPolicy",
    "HostPort",
    "Impulse",
    "LimitError",
    "Limits",
    "Message",
    "MessageDropped",
    "MessageTemplate",
    "NotConnected",
    "OSCBridgeError",
    "OSCError",
    "Options",
    "Origin",
    "Packet",
    "Pattern",
    "PatternError",
    "Placeholder",
    "PluginError",
    "RouteInfo",
    "Routed",
    "Secret",
    "Sink",
    "Source",
    "Subject",
    "Template",
    "TimeTag",
    "TokenBucket",
    "check_captures",
    "child_environment",
    "decode_json",
    "decode_packet",
    "encode_bundle",
    "encode_json",
    "encode_message",
    "encode_packet",
    "hookimpl",
    "infer",
    "is_loopback",
    "is_number",
    "is_pattern",
    "messages",
    "nearest_whole",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)  # the next time it is at hand
    return value


def __dir__() -> list[str]:
    return __all__
