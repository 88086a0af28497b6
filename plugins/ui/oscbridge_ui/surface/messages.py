"""The messages of the view Surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from oscbridge_ui.protocol_base import CommandId, ProtocolModel
from oscbridge_ui.surface.models import SurfacePage
from oscbridge_ui.value_rows import ValueRow

__all__ = ["EditSurface", "SurfaceState", "WatchSurface"]

MAX_EDIT_TEXT: Final = 60_000
"""Characters of the edits in one command."""


class WatchSurface(ProtocolModel):
    """Watch the pages, and the values of one of them. A further one shows another page."""

    type: Literal["watch_surface"]
    page: Annotated[str, Field(max_length=16)] = ""


class EditSurface(ProtocolModel):
    """Edit pages and controls: all of the edits, or none. Requires the right ``configure``."""

    type: Literal["edit_surface"]
    id: CommandId
    edits: Annotated[str, Field(max_length=MAX_EDIT_TEXT)]
    """A list of ``SurfaceEdit`` as JSON: errors in it are answered, as it may be a file."""


class SurfaceState(ProtocolModel):
    """The pages that this token shows, and the values of one, or their changes."""

    type: Literal["surface"] = "surface"
    time: float
    """Unix time."""
    revision: int
    order: Sequence[str] | None
    """The ids of all pages; None if that is unchanged."""
    pages: Sequence[SurfacePage]
    """Those that are new or have changed."""
    rows: Sequence[ValueRow]
    """Values of the page that is watched, if they are new or have changed."""
    file: str
    """Where it is kept."""
    problem: str
    """Why it is not kept; empty if it is."""
    token_names: Sequence[str]
    """Tokens that a page may be for."""
