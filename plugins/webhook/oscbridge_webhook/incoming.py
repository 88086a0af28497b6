"""Messages made of requests: the path is the address, the body has the arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

import oscbridge
from oscbridge.http import HTTPProblem
from oscbridge_webhook.forms import (
    FORM,
    MULTIPART,
    FormError,
    multipart_values,
    urlencoded_values,
)

__all__ = ["MAX_ADDRESS", "MAX_ARGUMENTS", "read_address", "read_message"]

MAX_ADDRESS: Final = 1_024
"""Most characters of an address."""

MAX_ARGUMENTS: Final = 256
"""Most arguments of a message."""

_NOT_IN_ADDRESS: Final = re.compile(r"[\s#*,?\[\]{}\x00-\x1f\x7f]")
"""Characters that OSC 1.0 excludes from addresses or reserves for patterns."""

_ACCEPTED: Final = ("application/json", FORM, MULTIPART, "text/plain")


def read_address(path: str) -> str:
    """The address that a path, as it was sent, stands for. Raises :class:`HTTPProblem`."""
    try:
        address = unquote_to_bytes(path).decode()
    except ValueError:
        raise _bad("the path is not percent-encoded UTF-8") from None
    if len(address) > MAX_ADDRESS:
        raise _bad(f"the address must have at most {MAX_ADDRESS} characters")
    if found := _NOT_IN_ADDRESS.search(address):
        raise _bad(f"an address must not contain {found[0]!r}")
    if not address.startswith("/") or "" in address[1:].split("/"):
        raise _bad("the path must be an OSC address, e.g. /hook/doorbell, without empty levels")
    return address


def read_message(
    address: str, content_type: str, charset: str | None, body: bytes, header: str = ""
) -> oscbridge.Message:
    """The message of a request; ``header`` is all of its ``Content-Type``.

    Raises :class:`HTTPProblem`.
    """
    try:
        message = _message(address, content_type, charset, body, header)
        oscbridge.encode_message(message)  # validates the values
    except FormError as error:
        raise _bad(str(error)) from None
    except (oscbridge.OSCError, UnicodeDecodeError) as error:
        raise _unprocessable(str(error)) from None
    if len(message.args) > MAX_ARGUMENTS:
        raise _unprocessable(f"a message must have at most {MAX_ARGUMENTS} arguments")
    return message


def _message(
    address: str, content_type: str, charset: str | None, body: bytes, header: str
) -> oscbridge.Message:
    if not body:
        return oscbridge.Message.of(address)
    is_json = content_type == "application/json" or content_type.endswith("+json")
    if not is_json and content_type not in _ACCEPTED:
        accepted = ", ".join(_ACCEPTED)
        raise HTTPProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type must be one of {accepted}",
            {"Accept": accepted},
        )
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise HTTPProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the charset must be UTF-8")
    if is_json:
        return _from_json(address, body)
    values: Iterable[str | bytes]
    if content_type == FORM:
        values = urlencoded_values(body, MAX_ARGUMENTS)
    elif content_type == MULTIPART:
        values = multipart_values(body, header, MAX_ARGUMENTS)
    else:
        values = [body.decode()]
    return oscbridge.Message.of(address, *map(_value, values))


def _from_json(address: str, body: bytes) -> oscbridge.Message:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad(f"the body is not valid JSON: {error}") from None
    match document:
        case {"args": list(args)}:
            packet = oscbridge.decode_json(_dump({"address": address, "args": args}))
            assert isinstance(packet, oscbridge.Message)
            return packet
        case list():
            values = document
        case dict():
            values = list(document.values())
        case _:
            values = [document]
    return oscbridge.Message.of(address, *_plain(values))


def _plain(values: Sequence[Any]) -> list[oscbridge.Argument]:
    """JSON values as arguments; those that have parts become JSON text."""
    return [_dump(value).decode() if isinstance(value, list | dict) else value for value in values]


def _dump(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # it writes fewer levels than it reads
        raise _bad("the body has too many arrays and objects within others") from None


def _value(text: str | bytes) -> oscbridge.Argument:
    return text if isinstance(text, bytes) else oscbridge.guess_value(text)


def _bad(text: str) -> HTTPProblem:
    return HTTPProblem(HTTPStatus.BAD_REQUEST, text)


def _unprocessable(text: str) -> HTTPProblem:
    return HTTPProblem(HTTPStatus.UNPROCESSABLE_ENTITY, text)
