"""The attributes of nodes, and the queries that ask for them. Pure.

Source: OSCQuery proposal, "Attributes".
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

__all__ = ["ATTRIBUTES", "HOST_INFO", "HTML", "VALUE", "UnknownAttribute", "read_query"]

VALUE: Final = "VALUE"
HOST_INFO: Final = "HOST_INFO"
HTML: Final = "HTML"

ATTRIBUTES: Final = (
    "FULL_PATH",
    "CONTENTS",
    "TYPE",
    "ACCESS",
    VALUE,
    "RANGE",
    "CLIPMODE",
    "UNIT",
    "EXTENDED_TYPE",
    "DESCRIPTION",
    "TAGS",
    "CRITICAL",
    "OVERLOADS",
)
"""The attributes of a node."""

_KNOWN: Final = frozenset((*ATTRIBUTES, HOST_INFO, HTML))

MAX_ASKED: Final = 32
"""Attributes of one query."""


class UnknownAttribute(ValueError):
    """A query asks for something that is not an attribute."""


def read_query(query: str) -> tuple[str, ...]:
    """The attributes that a query asks for, none for the whole node.

    Real clients ask for ``?HOST_INFO``, ``?HOST_INFO=1`` and ``?VALUE&TYPE``. Raises
    :class:`UnknownAttribute`.
    """
    asked = [unquote(part.partition("=")[0]) for part in query.split("&", MAX_ASKED) if part]
    if len(asked) > MAX_ASKED:
        raise UnknownAttribute(f"at most {MAX_ASKED} attributes can be asked for")
    for name in asked:
        if name not in _KNOWN:
            known = ", ".join((*ATTRIBUTES, HOST_INFO, HTML))
            raise UnknownAttribute(f"unknown attribute {name[:40]!r}; available: {known}")
    return tuple(dict.fromkeys(asked))
