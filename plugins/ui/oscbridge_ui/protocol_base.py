"""The messages of the WebSocket, subprotocol ``oscbridge.ui.1``: JSON, one object per message.

The client sends ``Hello`` first, and gets ``Welcome`` or ``Denied``. Then it watches topics: of
each it gets a snapshot, then the changes, at most :data:`MAX_RATE` times per second. A command
has an ``id`` that its ``Answer`` repeats. Here is what all messages have in common: limits and
types. ``web/src/protocol/`` is made from the models of ``*_messages.py`` by
``python -m oscbridge_ui.typescript``; a test compares them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "MAX_ARGUMENTS",
    "MAX_CHOSEN",
    "MAX_LARGE",
    "MAX_NAME",
    "MAX_NAMES",
    "MAX_OPEN",
    "MAX_PART_TEXT",
    "MAX_RATE",
    "MAX_TEXT",
    "MAX_TOKEN",
    "MAX_WINDOW",
    "SUBPROTOCOL",
    "CommandId",
    "Level",
    "Name",
    "PartialModel",
    "ProtocolModel",
    "Scalar",
    "Text",
    "TypeTags",
]

SUBPROTOCOL: Final = "oscbridge.ui.1"

MAX_RATE: Final = 30
"""Messages per second of one topic."""

MAX_TOKEN: Final = 8_192
MAX_NAME: Final = 256
MAX_TEXT: Final = 4_096
MAX_NAMES: Final = 1_000
MAX_ARGUMENTS: Final = 256
MAX_WINDOW: Final = 400
"""Rows of values on screen."""
MAX_CHOSEN: Final = 12
"""Addresses that are plotted together."""
MAX_PART_TEXT: Final = 30_000
"""Characters of a part of a large message."""
MAX_LARGE: Final = 1_048_576
"""Characters of a message in parts: a configuration file of half that size, with all its quotes
and line ends escaped."""
MAX_OPEN: Final = 200
"""Open branches of the tree of addresses."""

Name: TypeAlias = Annotated[str, Field(max_length=MAX_NAME)]
Text: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT)]
CommandId: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
Scalar: TypeAlias = bool | int | float | str | None
TypeTags: TypeAlias = Annotated[
    str, Field(max_length=MAX_ARGUMENTS, pattern=r"^[ihfdsScrmtTFNIb]*$")
]
Level: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]


class ProtocolModel(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PartialModel(ProtocolModel):
    """A part of a message of which everything may be left out."""
