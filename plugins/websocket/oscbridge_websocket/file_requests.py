"""Requests for files: conditions and ranges (RFC 9110, sections 13 and 14). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from oscbridge_websocket.files import FoundFile

__all__ = ["FilePart", "select_part"]

_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


class FilePart(NamedTuple):
    """What of a file is sent, and with which status."""

    status: int
    start: int
    size: int


def select_part(headers: Mapping[str, str], file: FoundFile) -> FilePart:
    """The status and the bytes of the response to GET or HEAD.

    Several ranges in one request are answered with the whole file, which is allowed.
    """
    if _is_unchanged(headers, file):
        return FilePart(304, 0, 0)
    whole = FilePart(200, 0, file.size)
    match = _RANGE.fullmatch(headers.get("Range", ""))
    if match is None or not (match[1] or match[2]) or not _range_applies(headers, file):
        return whole
    if not match[1]:  # the last bytes
        size = min(int(match[2]), file.size)
        start = file.size - size
    else:
        start = int(match[1])
        end = min(int(match[2]), file.size - 1) if match[2] else file.size - 1
        if match[2] and int(match[2]) < start:
            return whole  # not a valid range
        size = end - start + 1
    return FilePart(206, start, size) if size > 0 else FilePart(416, 0, 0)


def _is_unchanged(headers: Mapping[str, str], file: FoundFile) -> bool:
    tags = headers.get("If-None-Match")
    if tags is not None:
        listed = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in listed or file.etag in listed
    since = _seconds(headers.get("If-Modified-Since"))
    return since is not None and file.modified <= since


def _range_applies(headers: Mapping[str, str], file: FoundFile) -> bool:
    """Whether the client has a part of just this version of the file."""
    condition = headers.get("If-Range")
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition.strip() == file.etag
    return _seconds(condition) == file.modified


def _seconds(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
