"""Edits of a surface: each changes one thing, so that two browsers overwrite nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from oscbridge import ConfigurationError
from oscbridge_ui.first_error import first_error
from oscbridge_ui.protocol_base import ProtocolModel
from oscbridge_ui.surface.models import (
    MAX_PAGES,
    MAX_WIDGETS,
    Id,
    PageChange,
    SurfaceDocument,
    SurfacePage,
    Widget,
    WidgetChange,
)

__all__ = [
    "AddPage",
    "AddWidget",
    "ChangePage",
    "ChangeWidget",
    "RemovePage",
    "RemoveWidget",
    "SurfaceEdit",
    "edited",
    "read_edits",
]

_ModelT = TypeVar("_ModelT", bound=BaseModel)

MAX_EDITS: Final = 250
"""Edits in one command."""


class AddPage(ProtocolModel):
    """Add a page after the others."""

    op: Literal["add_page"]
    page: SurfacePage


class ChangePage(ProtocolModel):
    """Change a page, but not its controls."""

    op: Literal["change_page"]
    page: Id
    changes: PageChange


class RemovePage(ProtocolModel):
    """Remove a page."""

    op: Literal["remove_page"]
    page: Id


class AddWidget(ProtocolModel):
    """Put a control onto a page."""

    op: Literal["add_widget"]
    page: Id
    widget: Widget


class ChangeWidget(ProtocolModel):
    """Change a control."""

    op: Literal["change_widget"]
    page: Id
    widget: Id
    changes: WidgetChange


class RemoveWidget(ProtocolModel):
    """Remove a control."""

    op: Literal["remove_widget"]
    page: Id
    widget: Id


SurfaceEdit: TypeAlias = Annotated[
    AddPage | ChangePage | RemovePage | AddWidget | ChangeWidget | RemoveWidget,
    Field(discriminator="op"),
]

_EDITS: Final[TypeAdapter[Sequence[SurfaceEdit]]] = TypeAdapter(
    Annotated[Sequence[SurfaceEdit], Field(min_length=1, max_length=MAX_EDITS)]
)


def read_edits(text: str) -> Sequence[SurfaceEdit]:
    """The edits from JSON. Raises :class:`ConfigurationError` with the first thing wrong."""
    try:
        return _EDITS.validate_json(text)
    except ValidationError as error:
        raise ConfigurationError(first_error(error)) from None


def edited(document: SurfaceDocument, edits: Sequence[SurfaceEdit]) -> SurfaceDocument:
    """The surface with all of the edits. Raises :class:`ConfigurationError`: then none counts."""
    pages = {page.id: page for page in document.pages}
    for edit in edits:
        pages = _edited(pages, edit)
    return document.model_copy(
        update={"pages": tuple(pages.values()), "revision": document.revision + 1}
    )


def _edited(pages: dict[str, SurfacePage], edit: SurfaceEdit) -> dict[str, SurfacePage]:
    match edit:
        case AddPage(page=page):
            if page.id in pages:
                raise ConfigurationError(f"page {page.name!r}: duplicate page id")
            if len(pages) >= MAX_PAGES:
                raise ConfigurationError(f"at most {MAX_PAGES} pages; remove one first")
            return {**pages, page.id: page}
        case ChangePage(page=id_, changes=changes):
            return _with_changed_page(pages, _page(pages, id_), changes)
        case RemovePage(page=id_):
            _unlocked(pages, id_)
            return {key: page for key, page in pages.items() if key != id_}
    page = _unlocked(pages, edit.page)
    widgets = {each.id: each for each in page.widgets}
    match edit:
        case AddWidget(widget=widget):
            if widget.id in widgets:
                text = f"page {page.name!r}: duplicate control id {widget.id}"
                raise ConfigurationError(text)
            if len(widgets) >= MAX_WIDGETS:
                text = f"page {page.name!r}: at most {MAX_WIDGETS} controls; add another page"
                raise ConfigurationError(text)
            widgets[widget.id] = widget
        case ChangeWidget(widget=id_):
            if id_ not in widgets:
                raise ConfigurationError("this control has been removed")
            widgets[id_] = _changed(widgets[id_], edit.changes)
        case RemoveWidget(widget=id_):
            if widgets.pop(id_, None) is None:
                raise ConfigurationError("this control has been removed already")
    return {**pages, page.id: page.model_copy(update={"widgets": tuple(widgets.values())})}


def _page(pages: dict[str, SurfacePage], id_: str) -> SurfacePage:
    page = pages.get(id_)
    if page is None:
        raise ConfigurationError("this page has been removed")
    return page


def _unlocked(pages: dict[str, SurfacePage], id_: str) -> SurfacePage:
    page = _page(pages, id_)
    if page.locked:
        raise ConfigurationError(f"page {page.name!r} is locked; unlock it first")
    return page


def _with_changed_page(
    pages: dict[str, SurfacePage], page: SurfacePage, changes: PageChange
) -> dict[str, SurfacePage]:
    if page.locked and changes.model_fields_set - {"locked"}:
        raise ConfigurationError(f"page {page.name!r} is locked; unlock it first")
    new = _changed(page, changes)
    order = [each for each in pages if each != page.id]
    position = list(pages).index(page.id)
    if "position" in changes.model_fields_set:
        position = changes.position
    order.insert(position, page.id)
    return {key: new if key == page.id else pages[key] for key in order}


def _changed(model: _ModelT, changes: BaseModel) -> _ModelT:
    fields = changes.model_fields_set & type(model).model_fields.keys()
    return model.model_copy(update={name: getattr(changes, name) for name in fields})
