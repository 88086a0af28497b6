"""Requests about the saved edits of the configuration: list them, undo one, redo one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_requests import BadRequest, Request
from oscbridge.monitoring.operations import Operations

if TYPE_CHECKING:  # loaded when something is edited
    from oscbridge.monitoring.editing import ConfigurationEditor
    from oscbridge.monitoring.editing_views import SavedEdit

__all__ = ["answer_history", "answer_redo", "answer_undo"]


async def answer_history(operations: Operations) -> Mapping[str, object]:
    """The saved edits, the newest first. Raises :class:`OSCBridgeError`."""
    versions = await _editor(operations).history()
    return {"versions": [each._asdict() for each in versions]}


async def answer_undo(request: Request, operations: Operations) -> Mapping[str, object]:
    """Undo a saved edit. Raises :class:`OSCBridgeError`."""
    and_later = request.get("and_later", False) is True
    return _saved(await _editor(operations).undo(_number(request), and_later=and_later))


async def answer_redo(request: Request, operations: Operations) -> Mapping[str, object]:
    """Make an undone edit again. Raises :class:`OSCBridgeError`."""
    return _saved(await _editor(operations).redo(_number(request)))


def _editor(operations: Operations) -> ConfigurationEditor:
    editor = operations.editor
    if editor is None:
        raise OSCBridgeError("this configuration cannot be edited")
    return editor


def _number(request: Request) -> int | None:
    number = request.get("number")
    if isinstance(number, bool) or not isinstance(number, int | None):
        raise BadRequest("number: expected that of a saved edit")
    return number


def _saved(edit: SavedEdit) -> Mapping[str, object]:
    return {"text": edit.text, "problems": edit.problems, "diff": edit.diff}
