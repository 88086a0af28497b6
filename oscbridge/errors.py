"""The exception tree of oscbridge.

    OSCBridgeError
    ├── OSCError                     what travels on the wire
    │   ├── DecodeError              the peer's bytes are no OSC; ``reason`` says why
    │   │   └── LimitError           well formed perhaps, but over a stated limit
    │   └── EncodeError              our caller's values are no OSC (also a ValueError)
    ├── PatternError                 a mapped address or a route's match (also a ValueError)
    ├── ConfigurationError           a file or an option: what, where, which value, how to mend
    ├── PluginError                  a plugin is broken; names the plugin
    ├── RecordingError               a file of ``oscbridge record`` is broken; says where
    └── EndpointError                a sink or source outside
        ├── NotConnected             reconnect, then go on
        ├── BackOff                  leave it alone for ``seconds``
        └── BadMessage               this one message can never be delivered

A ``DecodeError`` is the peer's fault and must never end a server. An ``EncodeError``
and a ``PatternError`` are the caller's.
"""

from __future__ import annotations

__all__ = [
    "BackOff",
    "BadMessage",
    "ConfigurationError",
    "DecodeError",
    "EncodeError",
    "EndpointError",
    "LimitError",
    "NotConnected",
    "OSCBridgeError",
    "OSCError",
    "PatternError",
    "PluginError",
]


class OSCBridgeError(Exception):
    """Root of everything that oscbridge raises on purpose."""


class OSCError(OSCBridgeError):
    """Something about OSC data."""


class DecodeError(OSCError):
    """Bytes from a peer are no OSC.

    ``reason`` is one short word from a fixed set, fit for a counter's label;
    the text says what was found and at which offset.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class LimitError(DecodeError):
    """Bytes from a peer go over a stated limit (:class:`oscbridge.osc.Limits`)."""


class EncodeError(OSCError, ValueError):
    """Values that cannot be written as OSC."""


class PatternError(OSCBridgeError, ValueError):
    """An address pattern, mapped or matched, that is not well formed."""


class ConfigurationError(OSCBridgeError):
    """Configuration that cannot be used.

    ``str()`` is the whole report for a person: one line a fault.
    """


class PluginError(OSCBridgeError):
    """A plugin could not be loaded or broke a hook's contract."""

    def __init__(self, plugin: str, text: str) -> None:
        super().__init__(f"plugin {plugin!r}: {text}")
        self.plugin = plugin


class EndpointError(OSCBridgeError):
    """An endpoint's outside failed. The subclass tells the host what to do."""


class NotConnected(EndpointError):
    """The connection is gone: the host reconnects and tries again.

    ``sent`` says how many messages of a batch had been delivered.
    """

    def __init__(self, text: str = "not connected", sent: int = 0) -> None:
        super().__init__(text)
        self.sent = sent


class BackOff(EndpointError):
    """The outside asks to be left alone for ``seconds``; then the host tries again.

    ``sent`` says how many messages of a batch had been delivered.
    """

    def __init__(self, seconds: float, text: str = "", sent: int = 0) -> None:
        super().__init__(text or f"back off for {seconds:g} s")
        self.seconds = seconds
        self.sent = sent


class BadMessage(EndpointError):
    """This message can never be delivered: count it, report it, go on.

    From a batch, ``sent`` says how many messages had been delivered: the next one is bad,
    and those behind it come again. Without ``sent`` the whole batch is.
    """

    def __init__(self, text: str = "", sent: int | None = None) -> None:
        super().__init__(text)
        self.sent = sent
