"""Messages of pages, from JSON."""

from __future__ import annotations

from pydantic import ValidationError

from oscbridge_ui.client_messages import CLIENT_MESSAGES, ClientMessage
from oscbridge_ui.first_error import first_error

__all__ = ["decoded"]


def decoded(data: str) -> ClientMessage:
    """The message. Raises ``ValueError`` with the first thing that is wrong."""
    try:
        return CLIENT_MESSAGES.validate_json(data)
    except ValidationError as error:
        raise ValueError(first_error(error)) from None
