"""Messages of the WebSocket as JSON."""

from __future__ import annotations

import json

import orjson
from pydantic import BaseModel

__all__ = ["encoded"]


def encoded(message: BaseModel) -> str:
    """A message as JSON."""
    try:
        return orjson.dumps(message, default=_fields).decode()
    except TypeError:  # text that is not valid Unicode, or an integer of more than 64 bits
        text = json.dumps(message, default=_fields)
        return json.dumps(json.loads(text, parse_constant=lambda _: None))  # NaN is null, as above


def _fields(message: object) -> object:
    """The fields of a model."""
    if isinstance(message, BaseModel):
        return vars(message)
    raise TypeError(f"cannot be sent: {message!r}")
