"""Why messages were lost and packets rejected, in plain words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from oscbridge.monitoring import EndpointStatus

__all__ = ["LossWords", "endpoint_loss", "source_loss"]


class LossWords(NamedTuple):
    """Words about a reason for losses."""

    text: str
    """What has happened, as a sentence."""
    fix: str
    """What to do about it."""
    code: str = ""
    """A line for the table of the part, if one helps."""


BAD: Final = "bad "
"""What the reasons of rejected packets begin with."""

_LOG: Final = "The log names the last one."

_PACKETS: Final[Mapping[str, str]] = {
    "address": "Their address does not begin with a slash, or is not valid.",
    "bad_escape": "The frames of a TCP stream are not valid SLIP.",
    "bundle": "A bundle in them is not valid.",
    "char": "A character in them is not valid.",
    "empty": "They are empty.",
    "encoding": "Their text is not UTF-8.",
    "json": "They are JSON, but not messages in the form of osc.json.",
    "negative_length": "The size before a packet of a TCP stream is negative.",
    "size": "A size in them is wrong.",
    "string": "A text in them has no end, or is not padded as OSC requires.",
    "trailing": "They have more bytes than their type tags say.",
    "truncated": "They end too soon.",
    "type": "They have a type tag that OSC does not know.",
    "unknown_framing": "A TCP stream begins with neither a size nor a SLIP frame.",
    "utf8": "Their address is not UTF-8.",
    "value": "They have a value that is not valid.",
    "worker": "A process of the bridge was killed before it said why.",
    "wrong_framing": "A TCP stream has the other framing: sizes instead of SLIP, or SLIP instead.",
}

_SOURCES: Final[Mapping[str, LossWords]] = {
    "child": LossWords(
        "A process that handled them ended before it had finished.",
        "Check the functions of the routes: one of them may crash or run too long.",
    ),
    "disconnected": LossWords(
        "A client disconnected before they were read; it had sent faster than the bridge reads.",
        "Let the client send fewer messages, or give the bridge more processor time.",
    ),
    "echo": LossWords(
        "A page sent back the values that it had just received.",
        "Nothing has to be done: they would have gone in a circle.",
    ),
    "input_full": LossWords(
        "They arrived faster than the bridge reads them.",
        "Send fewer messages, or give the bridge more processor time.",
    ),
    "kernel": LossWords(
        "Datagrams arrived faster than the bridge reads them.",
        "Give the bridge more processor time, or a larger receive buffer.",
    ),
    "loop": LossWords(
        "They went in a loop between endpoints.",
        "Narrow the match of a route, so that nothing comes back.",
    ),
    "lost": LossWords(
        "The network lost packets on the way here.",
        "Use a cable, or look at the wireless network.",
    ),
    "page_load": LossWords(
        "A page that had just been opened sent its own values before it had received any.",
        "Nothing has to be done: they would have overwritten the current values.",
    ),
    "poison": LossWords(
        "They could not be delivered, even after several attempts.",
        f"Check where they go. {_LOG}",
    ),
    "slow_consumer": LossWords(
        "They arrived faster than the bridge reads them.",
        "Subscribe to fewer subjects, or share them with more bridges.",
    ),
    "stopped": LossWords(
        "They had been read when the bridge stopped, and were not handled in time.",
        "Check the functions of the routes: one of them may be slow.",
    ),
    "too_early": LossWords(
        "Their time tags lie too far in the future.",
        "Set the clock of the sender, e.g. with NTP, or handle such messages at once.",
        'limits.too_early = "run"',
    ),
    "unrepaired": LossWords(
        "The network lost packets, and their content could not be restored.",
        "Use a cable, or look at the wireless network.",
    ),
    "waiting": LossWords(
        "They waited for their time tags when the process that held them ended.",
        "Nothing has to be done if the bridge was stopped or reloaded.",
    ),
    "worker": LossWords(
        "A process of the bridge had read them when it was killed.",
        "Check the functions of the routes: one of them may crash or need much memory.",
    ),
}

_SKIP_OLD: Final = 'policy = "latest"'
_KEEP: Final = 'policy = "spool"'
_CLOSED: Final = LossWords(
    "It was closed while they waited.", "Keep messages on disk if all of them matter.", _KEEP
)
_SLOW: Final = LossWords(
    "A client reads more slowly than messages arrive.",
    "Look at the network of that client, or let it skip old values.",
    _SKIP_OLD,
)
_FULL_OF_ADDRESSES: Final = LossWords(
    "More addresses wait than its send queue holds.", "Make the queue larger.", "queue = 50_000"
)
_INVALID: Final = LossWords(
    "They cannot be converted to what it sends.",
    f"Correct the route that leads there. {_LOG}",
)

_ENDPOINTS: Final[Mapping[str, LossWords]] = {
    "address": _INVALID,
    "arguments": _INVALID,
    "bad": _INVALID,
    "captures": _INVALID,
    "closed": _CLOSED,
    "disconnected": LossWords(
        "The connection was lost before they were sent.",
        "Keep messages on disk if all of them matter.",
        _KEEP,
    ),
    "conversion": _INVALID,
    "encode": _INVALID,
    "expired": LossWords(
        "They waited longer than max_age allows.", "Check why it is slow, or raise max_age."
    ),
    "expression": LossWords(
        "An expression in the options of their route failed.",
        f"Correct the route that leads there. {_LOG}",
    ),
    "full": LossWords(
        "They arrived faster than it can send, and its send queue was full.",
        "Let it skip old values of an address, or send it fewer messages.",
        _SKIP_OLD,
    ),
    "poison": LossWords(
        "The other side ended the connection each time one of them was sent.",
        f"Correct the route that leads there. {_LOG}",
    ),
    "rerouted": LossWords(
        "They waited when a reload removed their route.", "Nothing has to be done."
    ),
    "slow_client": _SLOW,
    "stopped": _CLOSED,
    "unreadable": LossWords(
        "Their records on disk were damaged.",
        "Check the disk. The damaged file is kept beside the spool.",
    ),
}


def source_loss(reason: str) -> LossWords:
    """Why a bridge or an endpoint lost messages that it received."""
    if reason.startswith(BAD):
        code = reason.removeprefix(BAD)
        if code.startswith("max_"):  # the key of a limit
            return LossWords(
                f"They exceed the limit '{code}'. Such packets are ignored.",
                f"Raise it in the limits of the bridge, if the sender needs it. {_LOG}",
            )
        what = _PACKETS.get(code, f"The reason is '{code}'.")
        fix = f"Check that the sender speaks OSC, and the same transport (UDP or TCP). {_LOG}"
        return LossWords(f"{what} Such packets are ignored.", fix)
    return _SOURCES.get(reason) or _unknown(reason)


def endpoint_loss(reason: str, endpoint: EndpointStatus) -> LossWords:
    """Why an endpoint lost messages that it was to send."""
    if reason == "full" and endpoint.policy == "latest":
        return _FULL_OF_ADDRESSES
    return _ENDPOINTS.get(reason) or _unknown(reason)


def _unknown(reason: str) -> LossWords:
    return LossWords(f"The reason is '{reason}'.", _LOG)
