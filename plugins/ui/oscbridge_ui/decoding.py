"""Messages of pages, from JSON."""

from __future__ import annotations

from pydantic import ValidationError

from oscbridge_ui.client_messages import CLIENT_MESSAGES, ClientMessage

__all__ = ["decoded"]


def decoded(data: str) -> ClientMessage:
    """The message. Raises ``ValueError`` with the first thing that is wrong."""
    try:
        return CLIENT_MESSAGES.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}") from None
