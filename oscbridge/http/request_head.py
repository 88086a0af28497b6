"""The head of a request: where it ends, and what must be right before it is parsed. Pure.

The parser of aiohttp is strict about headers and bodies, but it has no limits for a head as a
whole, knows only registered methods, and answers everything that it rejects with 400. So a head
is collected first, and passed to it in one piece.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final, NamedTuple

__all__ = ["HeadBuffer", "HeadError", "RequestHead"]

UNSUPPORTED: Final = b"TRACE"
"""The method that a request with one that no front has is passed on as: it is never served,
because it would show a page its own cookies and tokens."""

_METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
_END: Final = re.compile(rb"\r?\n\r?\n")
_FIRST: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]")
_LINE: Final = re.compile(
    rb"(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (?P<target>[^\x00-\x20\x7f]+)"
    rb" HTTP/(?P<version>[0-9]\.[0-9])\r?\n"
)
"""RFC 9112, section 3. A method is a token (RFC 9110, section 5.6.2)."""
_BODY: Final = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:([^\r\n]*)", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\nexpect[ \t]*:([^\r\n]*)", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"[ \t]*([0-9]{1,15})[ \t]*")


class HeadError(Exception):
    """A head that cannot be answered, with the status of the response."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class RequestHead(NamedTuple):
    """A complete head."""

    data: bytes
    """With the blank line, as it is to be parsed."""
    body: int | None
    """Bytes of its body; None if only the parser can know where it ends (RFC 9112, section 6)."""


class HeadBuffer:
    """Collects data until it contains a complete head."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._data = bytearray()
        self._searched = 0
        self._has_blank_line = False

    def __len__(self) -> int:
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Add data, without looking at it."""
        self._data += data

    def take(self) -> tuple[RequestHead, bytes] | None:
        """The head and the data after it, which are removed; None if it is incomplete.

        Raises :class:`HeadError` if the data can no longer become a head.
        """
        if not self._has_blank_line and self._data.startswith(b"\r\n"):
            del self._data[:2]  # RFC 9112, section 2.2: one blank line before it is ignored
            self._has_blank_line = True
        if self._data and self._data != b"\r" and _FIRST.match(self._data) is None:
            raise HeadError(HTTPStatus.BAD_REQUEST)
        found = _END.search(self._data, max(self._searched - 3, 0))
        end = self._searched = len(self._data) if found is None else found.end()
        if end > self._max_size:
            raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if found is None:
            return None
        head, rest = bytes(self._data[:end]), bytes(self._data[end:])
        self._data, self._searched, self._has_blank_line = bytearray(), 0, False
        return _checked(head), rest


def _checked(data: bytes) -> RequestHead:
    """A complete head, if its request line is valid. Raises :class:`HeadError`."""
    line = _LINE.match(data)
    if line is None:
        raise HeadError(HTTPStatus.BAD_REQUEST)
    if line["version"] not in (b"1.0", b"1.1"):
        raise HeadError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    if line["target"].startswith(b"?"):  # from http://host?query, by clients that omit the slash
        start = line.start("target")
        data = data[:start] + b"/" + data[start:]
    elif not line["target"].startswith(b"/"):  # it names a proxy, or nothing that exists
        raise HeadError(HTTPStatus.NOT_FOUND)
    if any(each.strip(b" \t").lower() != b"100-continue" for each in _EXPECT.findall(data)):
        raise HeadError(HTTPStatus.EXPECTATION_FAILED)
    if line["method"] not in _METHODS:
        return RequestHead(UNSUPPORTED + data[line.end("method") :], _body(data))
    return RequestHead(data, _body(data))


def _body(head: bytes) -> int | None:
    """The length of the body that follows a head. The parser rejects contradictions."""
    found = _BODY.findall(head)
    if not found:
        return 0
    length = _LENGTH.fullmatch(found[0][1])
    if len(found) == 1 and found[0][0].lower() == b"content-length" and length is not None:
        return int(length[1])
    return None
