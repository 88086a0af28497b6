"""Error responses: plain text, or problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, NamedTuple, TypeAlias

import orjson

__all__ = [
    "PLAIN_TEXT",
    "ErrorFormat",
    "FormattedError",
    "HTTPProblem",
    "plain_error",
    "problem_document",
    "raw_response",
]

PLAIN_TEXT: Final = "text/plain; charset=utf-8"
PROBLEM: Final = "application/problem+json"


class FormattedError(NamedTuple):
    """The content of an error response."""

    content_type: str
    body: bytes


ErrorFormat: TypeAlias = Callable[[HTTPStatus, str], FormattedError]
"""From the status and a sentence about the problem, which may be empty."""


class HTTPProblem(Exception):
    """Raised by a handler to answer a request with an error.

    ``detail`` names the problem and how to fix it, without secrets; the server formats it.
    """

    def __init__(
        self, status: HTTPStatus, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail or status.phrase)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def plain_error(status: HTTPStatus, detail: str) -> FormattedError:
    """A line of text; without ``detail``, the phrase of the status."""
    text = f"{detail or status.phrase}\n"
    return FormattedError(PLAIN_TEXT, text.encode("utf-8", "backslashreplace"))


def problem_document(status: HTTPStatus, detail: str) -> FormattedError:
    """A problem document (RFC 9457), of the type that the status alone describes."""
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
    }
    if detail:
        problem["detail"] = detail.encode("utf-8", "backslashreplace").decode()
    return FormattedError(PROBLEM, orjson.dumps(problem) + b"\n")


def raw_response(status: HTTPStatus, error: FormattedError, headers: Mapping[str, str]) -> bytes:
    """An error response as it is sent, after which the connection is closed."""
    fields = {
        "Date": formatdate(usegmt=True),
        "Content-Type": error.content_type,
        "Content-Length": str(len(error.body)),
        "Connection": "close",
        **headers,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + error.body
