"""Subjects: conversion from and to OSC addresses without loss, validation, and matching. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import oscbridge

__all__ = [
    "MAX_SUBJECT",
    "SHOWN",
    "address_of",
    "check_filter",
    "check_name",
    "check_prefix",
    "check_published",
    "matches",
    "subject_of",
]

MAX_SUBJECT: Final = 2_048
"""Most bytes of a subject: a server ends the connection at a line of more than 4,096."""

SHOWN: Final = 100
"""Most characters of a subject in an error."""

EMPTY: Final = "%"
"""An empty part of an address: tokens of subjects must not be empty."""

NO_SLASH: Final = "%_"
"""At the start of the first token: the address does not start with a slash."""

# What NATS reserves or does not accept (blanks and control characters), '$' of system subjects,
# the escape itself, and everything but ASCII.
_UNSAFE: Final = re.compile(r"[^!-~]|[.*>%$]")
_ESCAPED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_INVALID: Final = re.compile(r"[\x00-\x20\x7f]")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def subject_of(address: str, prefix: str = "") -> str:
    """Convert an address to a subject: ``/mixer/1/fader`` is ``osc.mixer.1.fader``.

    :func:`address_of` gives the same address back. Percent-encoded in UTF-8 are ``. * > % $``,
    blanks, control characters and all characters outside ASCII. An empty part is ``%``.
    """
    start = "" if address.startswith("/") else NO_SLASH
    parts = address.removeprefix("/").split("/")
    tokens = [_UNSAFE.sub(_escape, part) if part else EMPTY for part in parts]
    if start:
        tokens[0] = start + (tokens[0] if parts[0] else "")
    subject = ".".join(tokens)
    return f"{prefix}.{subject}" if prefix else subject


def _escape(found: re.Match[str]) -> str:
    data = found[0].encode(errors="surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def address_of(subject: str, prefix: str = "") -> str:
    """Convert a subject to an address; the prefix is removed.

    Raises :class:`oscbridge.DecodeError` if an escape is not valid UTF-8.
    """
    if prefix and subject.startswith(f"{prefix}."):
        subject = subject[len(prefix) + 1 :]
    if "%" not in subject:
        return "/" + subject.replace(".", "/")
    slash = "/"
    if subject.startswith(NO_SLASH):
        slash, subject = "", subject[len(NO_SLASH) :]
    parts = ["" if token == EMPTY else _ESCAPED.sub(_unescape, token)
             for token in subject.split(".")]  # fmt: skip
    return slash + "/".join(parts)


def _unescape(found: re.Match[str]) -> str:
    data = bytes.fromhex(found[0].replace("%", ""))
    try:
        return data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        raise oscbridge.DecodeError("address", f"{found[0]!r} is not valid UTF-8") from None


def check_published(subject: str) -> str:
    """Check a subject for publishing, and return it. Raises ``ValueError`` with the reason."""
    return _check(subject, "a subject for publishing", wildcards=False)


def check_filter(subject: str) -> str:
    """Check a subject to subscribe to, and return it. Raises ``ValueError`` with the reason."""
    return _check(subject, "a subject", wildcards=True)


def check_prefix(prefix: str) -> str:
    """Check a prefix, and return it. Raises ``ValueError`` with the reason."""
    return _check(prefix, "a prefix", wildcards=False) if prefix else prefix


def check_name(name: str) -> str:
    """Check the name of a stream, a consumer or a queue group, and return it."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected 1 to 100 letters, digits, '_' and '-', got {name[:SHOWN]!r}")
    return name


def _check(subject: str, what: str, *, wildcards: bool) -> str:
    if not subject:
        raise ValueError(f"{what} must have at least one character")
    found = _INVALID.search(subject)
    if found:
        raise ValueError(f"{what} must not contain {found[0]!r}, got {subject[:SHOWN]!r}")
    size = len(subject.encode(errors="surrogatepass"))
    if size > MAX_SUBJECT:
        raise ValueError(f"{what} must have at most {MAX_SUBJECT} bytes, got {size}")
    tokens = subject.split(".")
    if "" in tokens:
        raise ValueError(
            f"{what} must not have an empty part between dots, got {subject[:SHOWN]!r}"
        )
    if not wildcards:
        wildcard = next((each for each in ("*", ">") if each in subject), None)
        if wildcard is not None:
            raise ValueError(f"{what} must not contain {wildcard!r}, got {subject[:SHOWN]!r}")
    if subject.startswith("$"):
        raise ValueError(f"{what} must not start with '$': the servers reserve such subjects")
    if ">" in tokens[:-1]:
        raise ValueError(f"'>' must be the last part, got {subject[:SHOWN]!r}")
    if any(("*" in token or ">" in token) and len(token) > 1 for token in tokens):
        raise ValueError(f"'*' and '>' must be whole parts, e.g. a.*.b, got {subject[:SHOWN]!r}")
    return subject


def matches(wanted: str, subject: str) -> bool:
    """Whether a subject, or all that a filter ``subject`` takes, is taken by a filter."""
    return _matches(wanted.split("."), subject.split("."))


def _matches(wanted: Sequence[str], tokens: Sequence[str]) -> bool:
    for index, token in enumerate(wanted):
        if token == ">":
            return index < len(tokens)
        if index >= len(tokens) or (token != "*" and token != tokens[index]):
            return False
        if token == "*" and tokens[index] == ">":
            return False
    return len(wanted) == len(tokens)
