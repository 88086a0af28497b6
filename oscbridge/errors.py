"""The exception tree of oscbridge.

    OSCBridgeError
    ├── OSCError                     OSC data
    │   ├── DecodeError              invalid bytes from a peer; ``reason`` is a short word
    │   │   └── LimitError           bytes that exceed a limit
    │   └── EncodeError              values that OSC does not have (also a ValueError)
    ├── PatternError                 a mapped address or the match of a route (also a ValueError)
    ├── ConfigurationError           a file or an option: where, what, the value, how to fix it
    ├── MessageDropped               a message that a route cannot convert (also a ValueError)
    ├── PluginError                  a broken plugin, by name
    ├── RecordingError               a damaged file of ``oscbridge record``, with the offset
    └── EndpointError                the other side of an endpoint
        ├── NotConnected             reconnect and retry
        ├── BackOff                  retry after ``seconds``
        └── BadMessage               this message can never be delivered

The peer causes a ``DecodeError``, which must never end a server; the caller causes an
``EncodeError`` or a ``PatternError``.
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
    "MessageDropped",
    "NotConnected",
    "OSCBridgeError",
    "OSCError",
    "PatternError",
    "PluginError",
]


class OSCBridgeError(Exception):
    """Base class of all exceptions that oscbridge raises on purpose."""


class OSCError(OSCBridgeError):
    """An error in OSC data."""


class DecodeError(OSCError):
    """Bytes from a peer are not valid OSC.

    ``reason`` is one short word from a fixed set, suitable as the label of a counter; the text
    says what is invalid and at which offset.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class LimitError(DecodeError):
    """Bytes from a peer exceed a limit (:class:`oscbridge.osc.Limits`), named by ``reason``."""


class EncodeError(OSCError, ValueError):
    """Values that cannot be encoded as OSC."""


class PatternError(OSCBridgeError, ValueError):
    """A malformed address pattern, mapped or matched."""


class MessageDropped(OSCBridgeError, ValueError):
    """A message that a route or a template cannot convert, and therefore drops.

    ``reason`` is one word from a fixed set, for a counter's label.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class ConfigurationError(OSCBridgeError):
    """An invalid configuration.

    ``str()`` is the complete, human-readable report: one problem per line.
    """


class PluginError(OSCBridgeError):
    """A plugin cannot be loaded, or violates the contract of a hook."""

    def __init__(self, plugin: str, text: str) -> None:
        super().__init__(f"plugin {plugin!r}: {text}")
        self.plugin = plugin


class EndpointError(OSCBridgeError):
    """The other side of an endpoint failed. The subclass tells the host what to do."""


class NotConnected(EndpointError):
    """The connection is lost: the host reconnects and retries.

    ``sent`` is the number of messages of a batch that were delivered before.
    """

    def __init__(self, text: str = "not connected", sent: int = 0) -> None:
        super().__init__(text)
        self.sent = sent


class BackOff(EndpointError):
    """The other side asks for a pause of ``seconds``, after which the host retries.

    ``sent`` is the number of messages of a batch that were delivered before.
    """

    def __init__(self, seconds: float, text: str = "", sent: int = 0) -> None:
        super().__init__(text or f"back off for {seconds:g} s")
        self.seconds = seconds
        self.sent = sent


class BadMessage(EndpointError):
    """This message can never be delivered: the host counts it, logs it and continues.

    For a batch, ``sent`` is the number of messages that were delivered: the next one is bad,
    and those after it are sent again. Without ``sent`` the whole batch is bad.
    """

    def __init__(self, text: str = "", sent: int | None = None) -> None:
        super().__init__(text)
        self.sent = sent
