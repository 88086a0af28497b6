"""Messages written out as text: ``/subscribe 50``."""

from __future__ import annotations

from oscbridge.bridge.routes.dropped import MessageDropped
from oscbridge.bridge.routes.template import Template
from oscbridge.errors import EncodeError
from oscbridge.osc import Message, encode_message

__all__ = ["parse_message"]


def parse_message(text: str) -> Message:
    """The message that a text stands for, written as ``send`` in a ``[[route]]``.

    Raises ``ValueError`` for a placeholder, and for what cannot be encoded.
    """
    if "{" in text:
        raise ValueError("placeholders are not available here")
    try:
        address, types, make = Template(text).bind("", "", {})
        assert isinstance(address, str)
        message = Message(address, types, make(()))
        encode_message(message)
    except (MessageDropped, EncodeError) as error:
        raise ValueError(str(error)) from None
    return message
