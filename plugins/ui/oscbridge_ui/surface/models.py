"""The surface: pages with controls. In messages, and in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from oscbridge_ui.protocol_base import Name, PartialModel, ProtocolModel

__all__ = [
    "MAX_PAGES",
    "MAX_WIDGETS",
    "PageChange",
    "SurfaceDocument",
    "SurfacePage",
    "Widget",
    "WidgetChange",
    "WidgetKind",
]

MAX_PAGES: Final = 32
MAX_WIDGETS: Final = 200
"""Controls of one page."""
MAX_COLUMNS: Final = 48
MAX_ROWS: Final = 100
MAX_CHOICES: Final = 64
MAX_ARGS: Final = 16
MAX_PAGE_TOKENS: Final = 64
MAX_SCALAR: Final = 256
"""Characters of a value."""

FORMAT: Final = "oscbridge surface"
VERSION: Final = 1

WidgetKind: TypeAlias = Literal["fader", "button", "xy", "menu", "colour", "meter", "text", "label"]
ButtonMode: TypeAlias = Literal["momentary", "toggle", "trigger"]

Id: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
Label: TypeAlias = Annotated[str, Field(max_length=64)]
Address: TypeAlias = Annotated[str, Field(max_length=1_024, pattern=r"^(/[^\x00-\x20]*)?$")]
Tags: TypeAlias = Annotated[str, Field(max_length=MAX_ARGS, pattern=r"^[ihfdsScrmtTFNIb]*$")]
Colour: TypeAlias = Annotated[str, Field(pattern=r"^(#[0-9a-f]{6})?$")]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
ShortText: TypeAlias = Annotated[str, Field(max_length=MAX_SCALAR)]
WidgetValue: TypeAlias = bool | int | Number | ShortText | None
Column: TypeAlias = Annotated[int, Field(ge=0, lt=MAX_COLUMNS)]
Row: TypeAlias = Annotated[int, Field(ge=0, lt=MAX_ROWS)]
Span: TypeAlias = Annotated[int, Field(ge=1, le=MAX_COLUMNS)]
Columns: TypeAlias = Annotated[int, Field(ge=2, le=MAX_COLUMNS)]
PageName: TypeAlias = Annotated[str, Field(min_length=1, max_length=40)]
PageTokens: TypeAlias = Annotated[Sequence[Name], Field(max_length=MAX_PAGE_TOKENS)]
Choices: TypeAlias = Annotated[Sequence[WidgetValue], Field(max_length=MAX_CHOICES)]
Arguments: TypeAlias = Annotated[Sequence[WidgetValue], Field(max_length=MAX_ARGS)]


class _WidgetFields(ProtocolModel):
    """What can be changed of a control."""

    kind: WidgetKind = "fader"
    label: Label = ""
    address: Address = ""
    """What it sends and shows; nothing for a label."""
    types: Tags = ""
    target: Name = ""
    """The endpoint, or the bridge, that it sends to."""
    received: bool = False
    """Whether that handles it as if it had been received."""
    x: Column = 0
    y: Row = 0
    w: Span = 1
    h: Span = 1
    colour: Colour = ""
    unit: Annotated[str, Field(max_length=16)] = ""
    least: Number = 0.0
    most: Number = 1.0
    choices: Choices = ()
    """Of a menu."""
    mode: ButtonMode = "toggle"
    confirm: bool = False
    """Whether a button must be pressed twice."""
    on: WidgetValue = True
    """What a button sends when it is pressed, or switched on."""
    off: WidgetValue = False
    """What it sends when it is released, or switched off."""
    args: Arguments = ()
    """What a button of the mode ``trigger`` sends."""


class Widget(_WidgetFields):
    """A control, a display, or a text on a page."""

    id: Id
    kind: WidgetKind


class SurfacePage(ProtocolModel):
    """A page of the surface."""

    id: Id
    name: PageName
    columns: Columns = 12
    locked: bool = False
    """Whether it refuses edits until it is unlocked."""
    tokens: PageTokens = ()
    """The names of tokens that show it; without any, all do."""
    widgets: Annotated[Sequence[Widget], Field(max_length=MAX_WIDGETS)] = ()

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        if len({each.id for each in self.widgets}) != len(self.widgets):
            raise ValueError("two controls have the same id")
        return self


class SurfaceDocument(ProtocolModel):
    """The file of a surface."""

    format: Literal["oscbridge surface"] = FORMAT
    version: Literal[1] = VERSION
    revision: Annotated[int, Field(ge=0, le=2**53)] = 0
    """Increases with each change."""
    pages: Annotated[Sequence[SurfacePage], Field(max_length=MAX_PAGES)] = ()

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        if len({each.id for each in self.pages}) != len(self.pages):
            raise ValueError("two pages have the same id")
        return self


class WidgetChange(_WidgetFields, PartialModel):
    """New values for a control; those that are left out stay."""


class PageChange(PartialModel):
    """New values for a page; those that are left out stay."""

    name: PageName = "Page"
    columns: Columns = 12
    locked: bool = False
    tokens: PageTokens = ()
    position: Annotated[int, Field(ge=0, lt=MAX_PAGES)] = 0
    """Its place among the pages."""
