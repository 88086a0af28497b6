"""The values of forms, as browsers and ``curl`` send them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_plus

__all__ = ["FORM", "MULTIPART", "FormError", "multipart_values", "urlencoded_values"]

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

MAX_PART_HEAD: Final = 2_048
"""Most bytes of the headers of a part."""

_BOUNDARY: Final = re.compile(
    r""";\s*boundary\s*=\s*("?)(?P<text>[0-9A-Za-z'()+_,./:=?-]{1,70})\1\s*(?:;|$)""", re.IGNORECASE
)
"""RFC 2046, section 5.1.1, without the blanks within, which nothing sends."""

_DISPOSITION: Final = re.compile(
    rb"^content-disposition[ \t]*:[ \t]*form-data[ \t]*;([^\r\n]*)$", re.IGNORECASE | re.MULTILINE
)
_FILE: Final = re.compile(rb";[ \t]*filename\*?[ \t]*=", re.IGNORECASE)
_ENCODING: Final = re.compile(
    rb"^content-transfer-encoding[ \t]*:[ \t]*(?!7bit|8bit|binary)", re.IGNORECASE | re.MULTILINE
)


class FormError(ValueError):
    """A form that is not valid; the text says why."""


def urlencoded_values(body: bytes, most: int) -> Iterator[str]:
    """The values of a form, in order; of a text that is not a field itself: ``curl -d 0.5``.

    There are up to ``most + 1``. Raises ``UnicodeDecodeError``.
    """
    for field in body.decode().split("&", most):
        if field:
            name, separator, value = field.partition("=")
            yield unquote_plus(value if separator else name, errors="strict")


def multipart_values(body: bytes, content_type: str, most: int) -> Iterator[str | bytes]:
    """The values of a form, in order: texts, and the bytes of files (RFC 7578).

    There are up to ``most + 1``. Raises :class:`FormError`, and ``UnicodeDecodeError``.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise FormError("Content-Type must name the boundary of the parts")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary["text"].encode(), most + 2)
    if len(parts) <= most + 2 and not parts[-1].startswith(b"--"):
        raise FormError("the last boundary is missing")
    for part in parts[1 : most + 2]:
        if part.startswith(b"--"):
            return
        head, end, value = part.lstrip(b" \t").partition(b"\r\n\r\n")
        if not end or len(head) > MAX_PART_HEAD:
            raise FormError(f"a part must have headers of at most {MAX_PART_HEAD} bytes")
        disposition = _DISPOSITION.search(head.replace(b"\r\n", b"\n"))
        if disposition is None or _ENCODING.search(head):
            raise FormError("a part must have Content-Disposition: form-data, and no encoding")
        yield value if _FILE.search(b";" + disposition[1]) else value.decode()
