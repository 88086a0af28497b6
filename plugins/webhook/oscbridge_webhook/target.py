"""The URL of a request, with placeholders after the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from yarl import URL

import oscbridge

__all__ = ["MAX_URL", "TargetURL"]

MAX_URL: Final = 8_192
"""Most characters of a URL: many servers accept no more in a request line."""

_HINT: Final = "expected http://host/path or https://host/path"
_NOT_IN_URL: Final = re.compile(r"[^!-~]|[\"<>\\^`{|}#]")


@dataclass(frozen=True, slots=True)
class TargetURL:
    """A scheme, a host and a port, and the template of the rest."""

    origin: URL
    rest: oscbridge.Template
    """The path and the query. A value in it cannot add a level, a parameter or another host."""

    @classmethod
    def parse(cls, text: str) -> TargetURL:
        """Raises ``ValueError`` with a hint."""
        scheme, separator, after = text.partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            raise ValueError(f"{_HINT}, got {text[:100]!r}")
        authority = re.split(r"[/?#]", after, maxsplit=1)[0]
        rest = after[len(authority) :]
        if "@" in authority:
            raise ValueError(
                "a URL must not contain a user or a password; write headers = "
                '{ Authorization = { file = "path" } }'
            )
        if "{" in authority:
            raise ValueError("placeholders are possible only after the host")
        try:
            parts = urlsplit(f"//{authority}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"{error}; {_HINT}") from None
        if not host or port == 0:
            raise ValueError(_HINT)
        oscbridge.check_host(host)
        template = oscbridge.Template.parse(
            rest if rest.startswith("/") else f"/{rest}", expressions=True
        )
        _check(template.fill(lambda _placeholder: "x"))
        return cls(URL(f"{scheme.lower()}://{authority}").origin(), template)

    def fill(self, message: oscbridge.Message, captures: Mapping[str, str]) -> URL:
        """The URL for a message. Values are percent-encoded, but for the slashes of an address.

        Raises ``LookupError`` or ``ValueError`` if there is none.
        """

        def value(placeholder: oscbridge.Placeholder) -> str:
            address = message.address.removeprefix("/")
            text = oscbridge.placeholder_text(placeholder, message, captures, address)
            return quote(text, safe="/" if placeholder.name == "address" else "")

        rest = self.rest.fill(value)
        _check(rest)
        return URL(f"{self.origin}{rest}", encoded=True)


def _check(rest: str) -> None:
    """Raises ``ValueError`` for what must not follow the host."""
    found = _NOT_IN_URL.search(rest)
    if found:
        raise ValueError(f"a URL must not contain {found[0]!r} here; percent-encode it")
    if len(rest) > MAX_URL:
        raise ValueError(f"a URL must have at most {MAX_URL} characters after the host")
    for level in rest.partition("?")[0].split("/"):
        if unquote(level) in (".", ".."):  # servers take it for another path
            raise ValueError(f"a URL must not contain the level {level!r}")
