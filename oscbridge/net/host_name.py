"""Which texts can be the name or the address of a host. Pure.

The system's resolver accepts far more: it reads ``127.000.000.020`` as octal numbers, which is
127.0.0.16, and ``192.168.1`` as 192.168.0.1 (inet_aton(3)). Both are refused here, as in URLs of
browsers (WHATWG URL Standard, "ends in a number"), where they are surprising as well.
"""

from __future__ import annotations

import re
import socket
from typing import Final

__all__ = [
    "ANY_HOST",
    "HostError",
    "check_host",
    "check_host_names",
    "check_interface",
    "check_origins",
    "check_placeholder",
]

ANY_HOST: Final = "*"
"""All addresses of this machine, where something listens."""

MAX_NAME: Final = 253
MAX_LABEL: Final = 63
"""Characters of a name, and of one part of it (RFC 1035, section 2.3.4)."""

_PLACEHOLDER: Final = re.compile(r"[$<>{}]|%\w+%|%\(|^__\w+__$")
"""A template that was not filled in: ``${DESK}``, ``{{ desk }}``, ``<desk>``, ``%DESK%``."""

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
"""Ports that browsers leave out of an origin."""

_FORBIDDEN: Final = re.compile(r"[^\w.-]")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE | re.ASCII)
_ANY_DIGITS: Final = re.compile(r"[0-9]*([a-z])\1{0,2}|[0-9]*[?*#_]+", re.IGNORECASE | re.ASCII)
"""What documentation writes in place of a number: ``x``, ``xxx``, ``1xx``, ``n``."""


class HostError(ValueError):
    """A text that can never be a host."""

    def __init__(self, text: str, *, is_placeholder: bool = False) -> None:
        super().__init__(text)
        self.is_placeholder = is_placeholder
        """Whether it is a placeholder of a template."""


def check_host(host: str) -> str:
    """Return a host name, IPv4 or IPv6 address that may exist.

    Raises :class:`HostError`, with a suggestion, for a text that can never be one.
    """
    if ":" in host:
        _check_ipv6(host)
        return host
    check_placeholder(host)
    if re.search(r"\s", host):
        raise HostError(f"{host!r} is not a valid host: it contains a blank")
    labels = host.removesuffix(".").split(".")
    _check_numbers(host, labels)
    if found := _FORBIDDEN.search(host):
        raise HostError(f"{host!r} is not a valid host: it contains {found[0]!r}")
    for label in labels:
        if not label:
            raise HostError(f"{host!r} is not a valid host: it has an empty part")
        if label.startswith("-") or label.endswith("-"):
            raise HostError(f"{host!r} is not a valid host: {label!r} must not begin or end with -")
        if len(_ascii(label)) > MAX_LABEL:
            raise HostError(
                f"{host!r} is not a valid host: a part is longer than {MAX_LABEL} characters"
            )
    if len(host) > MAX_NAME:
        raise HostError(f"not a valid host: longer than {MAX_NAME} characters")
    return host


def check_host_names(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of this machine; ``*`` stands for any. Raises :class:`HostError`."""
    for host in hosts:
        if host != ANY_HOST:
            check_host(host)
    return hosts


def check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Return sites as browsers name them in ``Origin`` (RFC 6454, section 6.1); ``*`` is any.

    Raises :class:`HostError` with the fix for a text that no browser sends: with a path, without
    a scheme, with the default port, or with a host that cannot exist.
    """
    for origin in origins:
        if origin not in ("*", "null", "file://"):
            _check_origin(origin)
    return origins


def _check_origin(origin: str) -> None:
    check_placeholder(origin)
    scheme, has_scheme, rest = origin.rpartition("://")
    host = rest.partition("/")[0]
    name, _, port = host.rpartition(":") if re.search(r":[0-9]*$", host) else (host, "", "")
    is_ipv6 = name.startswith("[") and name.endswith("]")
    check_host(name[1:-1] if is_ipv6 else name)
    scheme = scheme.lower() if has_scheme else "https"
    if port == _DEFAULT_PORTS.get(scheme):
        port = ""
    written = f"{scheme}://{name.lower()}" + (f":{port}" if port else "")
    if written != origin:
        raise HostError(f"{origin!r} is not a valid origin; did you mean {written!r}?")


def check_placeholder(text: str) -> None:
    """Raise :class:`HostError` if a text contains a placeholder, such as ``${DESK}``."""
    if _PLACEHOLDER.search(text):
        raise HostError(f"{text!r} is a placeholder that nothing fills in", is_placeholder=True)


def check_interface(interface: str) -> str:
    """Return the address (IPv4) or the name of an interface. Raises :class:`HostError`."""
    check_placeholder(interface)
    labels = interface.split(".")
    if len(labels) > 1 and all(_NUMBER.fullmatch(label) for label in labels):
        check_host(interface)
    elif len(labels) > 1:
        _check_letters(interface, labels)
    return interface


def _check_ipv6(host: str) -> None:
    address, _, scope = host.partition("%")
    check_placeholder(host)
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        raise HostError(f"{host!r} is not a valid IPv6 address") from None
    if "%" in host and (not scope or re.search(r"\s", scope)):
        raise HostError(f"{host!r} is not a valid IPv6 address: the interface after % is missing")


def _check_numbers(host: str, labels: list[str]) -> None:
    """Refuse what ends in a number and is not an IPv4 address of four decimal numbers."""
    if not _NUMBER.fullmatch(labels[-1]):
        _check_letters(host, labels)
        return
    if not all(_NUMBER.fullmatch(label) for label in labels):
        raise HostError(f"{host!r} is not a valid host: its last part is a number")
    if len(labels) != 4:
        count = f"{len(labels)} number{'' if len(labels) == 1 else 's'}"
        raise HostError(f"{host!r} is not a valid IPv4 address: it has {count} instead of four")
    if not all(label.isdigit() for label in labels):
        raise HostError(f"{host!r} is not a valid IPv4 address: write its numbers in decimal form")
    for label in labels:
        if len(label.lstrip("0")) > 3 or int(label) > 255:
            raise HostError(f"{host!r} is not a valid IPv4 address: {label} is more than 255")
    if any(label != str(int(label)) for label in labels):
        decimal = ".".join(str(int(label)) for label in labels)
        raise HostError(
            f"{host!r} is not a valid IPv4 address: numbers with leading zeros are octal for many "
            f"programs; write {decimal}"
        )
    if host.endswith("."):
        raise HostError(f"{host!r} is not a valid IPv4 address: remove the last dot")


def _check_letters(host: str, labels: list[str]) -> None:
    """Refuse an IPv4 address with a letter in the place of a number: ``192.168.1.x``."""
    is_address = _NUMBER.fullmatch(labels[0]) is not None or len(set(labels)) == 1
    if (
        not 3 <= len(labels) <= 4
        or not is_address
        or not all(
            _NUMBER.fullmatch(label) or _ANY_DIGITS.fullmatch(label) for label in labels[:-1]
        )
    ):
        return
    last = labels[-1]
    is_number = _ANY_DIGITS.fullmatch(last) or (last[:1].isdigit() and last.isalnum())
    if is_number:
        wrong = next(label for label in labels if not _NUMBER.fullmatch(label))
        raise HostError(f"{host!r} is not a valid IPv4 address: {wrong!r} is not a number")


def _ascii(label: str) -> str:
    """The form of a part in the DNS: ``xn--...`` where it has other letters (RFC 3490)."""
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode()
    except UnicodeError:
        raise HostError(f"{label!r} is not a valid part of a host name") from None
