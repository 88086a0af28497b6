"""Names of services: which are valid, the next one after a conflict, patterns of names. Pure."""

from __future__ import annotations

import re
import socket
import unicodedata
from typing import Final

__all__ = [
    "MAX_NAME_BYTES",
    "NamePattern",
    "check_service_name",
    "default_service_name",
    "numbered_name",
    "printable_text",
]

MAX_NAME_BYTES: Final = 63
"""Bytes of an instance name in UTF-8 (RFC 6763, section 4.1.1)."""

_NUMBER: Final = re.compile(r" \([0-9]{1,6}\)$")


def check_service_name(text: str) -> str:
    """Return the instance name of a service. Raises ``ValueError`` with the reason."""
    if not text.strip():
        raise ValueError("must not be empty; write the name that other programs show")
    if any(unicodedata.category(each) == "Cc" for each in text):
        raise ValueError("must not contain control characters")
    size = len(text.encode(errors="replace"))
    if size > MAX_NAME_BYTES:
        raise ValueError(f"must be at most {MAX_NAME_BYTES} bytes long, is {size}")
    return text


def default_service_name(part: str) -> str:
    """The instance name of a part of a bridge without a name: ``stage on myhost``."""
    host = socket.gethostname().partition(".")[0] or "oscbridge"
    return _shortened(f"{part} on {host}", MAX_NAME_BYTES)


def numbered_name(name: str, number: int) -> str:
    """The name to try after a conflict: ``Stage (2)`` (RFC 6763, appendix D)."""
    end = f" ({number})"
    return _shortened(_NUMBER.sub("", name), MAX_NAME_BYTES - len(end)) + end


def printable_text(text: str) -> str:
    """A text of the network without what could change the lines of a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _shortened(text: str, size: int) -> str:
    return text.encode(errors="replace")[:size].decode(errors="ignore")


class NamePattern:
    """A name, where ``*`` and ``?`` stand for any text and any character.

    Upper and lower case are the same, as in all names of DNS. ``[`` is a character like others:
    ``TouchOSC [iPad]``.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        first, *others = [_literal(each) for each in text.split("*")]
        # Text between stars is found at its first place and not tried elsewhere: a name of the
        # network cannot take long.
        between = "".join(f"(?>.*?{each})" for each in others[:-1])
        end = f".*{others[-1]}" if others else ""
        self._pattern = re.compile(f"{first}{between}{end}", re.IGNORECASE | re.DOTALL)

    def matches(self, name: str) -> bool:
        """Whether it is a name of this pattern."""
        return self._pattern.fullmatch(name) is not None


def _literal(text: str) -> str:
    """The expression of a text without stars."""
    return "".join("." if each == "?" else re.escape(each) for each in text)
