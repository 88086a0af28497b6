"""The model of a token: every key with its type, its default and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field

from oscbridge.access.rights import DEFAULT_RIGHTS, Right
from oscbridge.bridge.config.names import NAME, NAME_RULE
from oscbridge.bridge.config.secrets import Secret
from oscbridge.contract.options import Options
from oscbridge.errors import PatternError
from oscbridge.osc.pattern import Pattern

__all__ = ["MAX_TOKENS", "TokenOptions"]

MAX_TOKENS: Final = 256
"""Tokens of a configuration: each client's token is compared with all of them."""

MAX_ADDRESSES: Final = 1_000
"""Patterns under ``addresses``, and names under ``endpoints``, of a token."""


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"invalid name; {NAME_RULE}")
    return name


def _written_rights(value: object) -> object:
    return _list('listen", "send' if value == "both" else value)


def _list(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(f'expected a list; write ["{value}"]')
    return value


def _rights(rights: tuple[Right, ...]) -> tuple[Right, ...]:
    if not rights:
        raise ValueError('must not be empty; name at least one right, e.g. ["listen"]')
    return rights


def _addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise ValueError("must not be empty; leave the key out to allow all addresses")
    for text in texts:
        if not text.startswith(("/", "*")):
            raise ValueError(f"{text!r}: an address must start with '/'")
        try:
            Pattern(text, mapped=True)
        except PatternError as error:
            raise ValueError(str(error)) from None
    return texts


def _endpoints(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must not be empty; leave the key out for a token valid everywhere")
    return names


class TokenOptions(Options):
    """``[[token]]``: a token, its rights, and where it is valid."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"token": "secret"}

    name: Annotated[str, AfterValidator(_name)]
    """What it is called in logs and errors; each token has its own."""
    secret: Secret
    """What a client sends: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    rights: Annotated[
        tuple[Right, ...],
        BeforeValidator(_written_rights, json_schema_input_type=tuple[Right, ...]),
        AfterValidator(_rights),
        Field(max_length=10),
    ] = DEFAULT_RIGHTS
    """What a client with this token may do: ``listen``, ``send`` and ``configure``, which no other
    right implies."""
    addresses: Annotated[
        tuple[str, ...],
        BeforeValidator(_list, json_schema_input_type=tuple[str, ...]),
        AfterValidator(_addresses),
        Field(max_length=MAX_ADDRESSES),
    ] = ("*",)
    """The addresses that it may listen and send to, written like the ``match`` of a route."""
    endpoints: (
        Annotated[
            tuple[str, ...],
            BeforeValidator(_list, json_schema_input_type=tuple[str, ...]),
            AfterValidator(_endpoints),
            Field(max_length=MAX_ADDRESSES),
        ]
        | None
    ) = None
    """The endpoints where it is valid, by name; ``http`` is ``[http]``. Without the key it is
    valid everywhere."""
