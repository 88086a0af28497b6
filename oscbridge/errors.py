"""The exception tree of oscbridge.

    OSCBridgeError
    ├── OSCError                     OSC data
    │   ├── DecodeError              invalid bytes from a peer; ``reason`` is a short word
    │   │   ├── LimitError           bytes that exceed a limit
    │   │   └── DecodeTypeError      not bytes at all (also a TypeError)
    │   └── EncodeError              values that OSC does not have (also a ValueError)
    │       ├── EncodeTypeError      of a wrong type (also a TypeError)
    │       └── EncodeRangeError     too large (also an OverflowError)
    ├── PatternError                 a mapped address or the match of a route (also a ValueError)
    ├── ConfigurationError           a file or an option: where, what, the value, how to fix it
    ├── InputError                   a file that cannot be imported: the line and the problem
    ├── ExpressionError              an expression of a route (also a ValueError)
    ├── MessageDropped               a message that a route cannot convert (also a ValueError)
    ├── PluginError                  a broken plugin, by name
    ├── RecordingError               a damaged file of ``oscbridge record``, with the offset
    └── EndpointError                the other side of an endpoint
        ├── NotConnected             reconnect and retry
        ├── BackOff                  retry after ``seconds``
        ├── DiscoveryUnavailable     the package for discovery is not installed
        ├── BadMessage               this message can never be delivered
        │   ├── ExpressionFailed     an expression in the options of its route fails
        │   └── PoisonMessage        the peer disconnects at this message
        └── PartialDelivery          some messages of a batch: which are accepted or rejected

The peer causes a ``DecodeError``, which must never end a server; the caller causes an
``EncodeError`` or a ``PatternError``.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

__all__ = [
    "BackOff",
    "BadMessage",
    "ConfigurationError",
    "DecodeError",
    "DecodeTypeError",
    "DiscoveryUnavailable",
    "EncodeError",
    "EncodeRangeError",
    "EncodeTypeError",
    "EndpointError",
    "ExpressionError",
    "ExpressionFailed",
    "InputError",
    "LimitError",
    "MessageDropped",
    "NotConnected",
    "OSCBridgeError",
    "OSCError",
    "PartialDelivery",
    "PatternError",
    "PluginError",
    "PoisonMessage",
]


class OSCBridgeError(Exception):
    """Base class of all exceptions that oscbridge raises on purpose."""


class OSCError(OSCBridgeError):
    """An error in OSC data."""


class DecodeError(OSCError):
    """Bytes from a peer are not valid OSC.

    ``reason`` is one short word from a fixed set, suitable as the label of a counter; the text
    describes the problem and its offset.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class LimitError(DecodeError):
    """Bytes from a peer exceed a limit (:class:`oscbridge.osc.Limits`), named by ``reason``."""


class DecodeTypeError(DecodeError, TypeError):
    """An object in the place of bytes, or of an index in them."""


class EncodeError(OSCError, ValueError):
    """Values that cannot be encoded as OSC."""


class EncodeTypeError(EncodeError, TypeError):
    """A value of a wrong type, for which python-osc raises ``TypeError`` in some functions."""


class EncodeRangeError(EncodeError, OverflowError, struct.error):
    """A number that is too large, for which python-osc raises one of the other errors."""


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


class InputError(OSCBridgeError, ValueError):
    """A file of another program that cannot be imported at all.

    ``line`` is counted from 1; 0 if no line is to blame. The text names the problem.
    """

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line

    def __reduce__(self) -> tuple[type[InputError], tuple[int, str]]:
        return type(self), (self.line, str(self))


class ExpressionError(OSCBridgeError, ValueError):
    """An expression of a route that cannot be compiled.

    ``column`` is counted from 1 in ``expression``; ``fix`` says how to correct it.
    """

    MAX_SHOWN: ClassVar[int] = 80
    """Characters of an expression up to which the text shows it."""

    def __init__(self, expression: str, column: int, cause: str, fix: str = "") -> None:
        end = f"; {fix}" if fix else ""
        of = f" of {expression!r}" if len(expression) <= self.MAX_SHOWN else ""
        super().__init__(f"{cause} at position {column}{of}{end}")
        self.expression = expression
        self.column = column
        self.cause = cause
        self.fix = fix

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[str, int, str, str]]:
        return type(self), (self.expression, self.column, self.cause, self.fix)


class PluginError(OSCBridgeError):
    """A plugin cannot be loaded, or violates the contract of a hook."""

    def __init__(self, plugin: str, text: str) -> None:
        super().__init__(f"plugin {plugin!r}: {text}")
        self.plugin = plugin


class EndpointError(OSCBridgeError):
    """The other side of an endpoint failed. The subclass tells the host what to do."""


class NotConnected(EndpointError):
    """The connection is gone. The host reconnects and sends the same messages again."""

    def __init__(self, text: str = "not connected") -> None:
        super().__init__(text)


class BackOff(EndpointError):
    """The peer is busy. The host waits for ``seconds`` and sends the same messages again.

    It waits at least :attr:`shortest`, also if the number is negative or not a number.
    """

    shortest: ClassVar[float] = 0.01

    def __init__(self, seconds: float, text: str = "") -> None:
        super().__init__(text or f"back off for {seconds:g} s")
        self.seconds = seconds if seconds >= self.shortest else self.shortest


class DiscoveryUnavailable(EndpointError):
    """The package for discovery is not installed; the text says how to install it."""


class BadMessage(EndpointError):
    """Can never be delivered. The host counts and logs it, and continues with the next.

    Raised from ``send`` it is about the message, from ``send_batch`` about the whole batch; see
    :class:`PartialDelivery` for some of a batch.
    """

    reason: ClassVar[str] = "bad"
    """The reason under which the host counts it."""


class ExpressionFailed(BadMessage):
    """An expression in the options of the message's route fails; the text has its values.

    :class:`~oscbridge.TemplateExpression` raises it, and the host counts it as ``expression``.
    """

    reason = "expression"


class PoisonMessage(BadMessage):
    """The peer ends the connection whenever it gets this message.

    The host counts it as ``poison``; with the policy ``spool`` it keeps the message in
    ``NAME.spool.rejected``.
    """

    reason = "poison"


class PartialDelivery(EndpointError):
    """What happened to each message of a batch, by its index in the batch.

    The messages that are neither ``accepted`` nor ``rejected`` are sent again, in order: when
    ``cause`` is None at once, when it is a :class:`BackOff` after its seconds, otherwise after
    the host has reconnected. Raises ``ValueError`` for an index that is both.
    """

    def __init__(
        self,
        accepted: Collection[int] = (),
        rejected: Mapping[int, BadMessage] | None = None,
        cause: NotConnected | BackOff | OSError | None = None,
    ) -> None:
        self.accepted = accepted
        """Messages that were delivered."""
        self.rejected: Mapping[int, BadMessage] = rejected or {}
        """Messages that can never be delivered, with the reason of each."""
        self.cause = cause
        """Why the others were not delivered."""
        if any(index in self.rejected for index in accepted):
            raise ValueError("a message cannot be both accepted and rejected")
        text = f"{len(accepted)} messages accepted, {len(self.rejected)} rejected"
        super().__init__(text if cause is None else f"{text}: {cause}")

    def within(
        self,
        places: Sequence[int],
        accepted: Collection[int] = (),
        rejected: Mapping[int, BadMessage] | None = None,
    ) -> PartialDelivery:
        """The same about a larger batch, where message ``i`` of this one is ``places[i]``.

        For an endpoint that passes on only a part of a batch: ``accepted`` and ``rejected`` are
        what it has decided about the others.
        """
        return PartialDelivery(
            [*accepted, *(places[index] for index in self.accepted)],
            {**(rejected or {}), **{places[i]: error for i, error in self.rejected.items()}},
            self.cause,
        )
