"""OSC addresses as paths of URLs, and back. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

__all__ = ["MAX_ADDRESS", "MAX_DEPTH", "address_of_path", "is_address", "path_of_address"]

MAX_ADDRESS: Final = 1_024
"""Most characters of an address."""

MAX_DEPTH: Final = 32
"""Most levels of an address, and of a tree."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SAFE: Final = "/!$'()*+,;:@~"
"""Characters that a path may contain as they are, except those with a meaning in addresses."""


def is_address(text: str) -> bool:
    """Whether this is the address of a possible node: bounded, and without empty levels."""
    if text == "/":
        return True
    return (
        text.startswith("/")
        and len(text) <= MAX_ADDRESS
        and "//" not in text
        and not text.endswith("/")
        and text.count("/") <= MAX_DEPTH
        and _CONTROL.search(text) is None
    )


def address_of_path(path: str) -> str | None:
    """The address that a path, as it was sent, stands for; None if it is not one.

    ``""`` is the root: VDMX asks for ``http://host:port?HOST_INFO``.
    """
    try:
        text = unquote_to_bytes(path).decode()
    except ValueError:
        return None
    if len(text) > 1:
        text = text.removesuffix("/")
        return text if text != "/" and is_address(text) else None
    return "/" if text in ("", "/") else None


def path_of_address(address: str) -> str:
    """The path of a URL for an address."""
    return quote(address, safe=_SAFE)
