"""The editing of one page: its requests are answered one after the other."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import BaseModel, JsonValue

from oscbridge import AccessGrant, ConfigurationError, OSCBridgeError
from oscbridge.monitoring import (
    AddTable,
    ChangeTable,
    ConfigurationEditor,
    Edit,
    EditConflict,
    EditingClient,
    EditRefused,
    MoveRoute,
    NotWritable,
    Operations,
    RemoveTable,
    ReplaceText,
    SavedEdit,
    TomlText,
    why_not_edit,
)
from oscbridge_ui.editing.messages import (
    AddEdit,
    ChangeEdit,
    CheckEdit,
    CheckedState,
    ConfigurationState,
    EditWanted,
    FileState,
    MoveEdit,
    ProblemState,
    ReadConfiguration,
    ReadSchema,
    RedoEdit,
    RemoveEdit,
    SavedState,
    SaveEdit,
    SchemaState,
    UndoEdit,
    VersionState,
)
from oscbridge_ui.editing.trial import DraftTrial

__all__ = ["EditingSession", "Request"]

MAX_WAITING: Final = 16
"""Requests of one page that wait; of more, the oldest checks are given up."""

Request = ReadConfiguration | ReadSchema | CheckEdit | SaveEdit | UndoEdit | RedoEdit


_log: Final = logging.getLogger(__name__)


class EditingSession:
    """Answers requests in order; of several checks that wait only the last. On the event loop."""

    def __init__(
        self,
        operations: Operations,
        grant: Callable[[], AccessGrant | None],
        answer: Callable[[BaseModel], None],
        trial: DraftTrial,
    ) -> None:
        self._editor = operations.editor
        self._client = EditingClient()
        self._grant = grant
        self._answer = answer
        self._trial = trial
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, request: Request) -> None:
        """Answer a request, after those before it."""
        if isinstance(request, CheckEdit):  # the page has changed its draft meanwhile
            for each in [each for each in self._waiting if isinstance(each, CheckEdit)]:
                self._waiting.remove(each)
                self._answer(CheckedState(id=each.id, error="replaced by a later check"))
        if len(self._waiting) >= MAX_WAITING:
            self._fail(request, "too many requests at once; try again in a moment")
            return
        self._waiting.append(request)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Answer no more. A save that has begun ends by itself."""
        self._client.close()
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            grant = self._grant()
            reason = "this page has no access" if grant is None else why_not_edit(grant)
            if not reason and self._editor is None:
                reason = "this configuration cannot be edited"
            if reason or self._editor is None:
                self._fail(request, reason, "refused")
                continue
            try:
                self._answer(await self._answered(self._editor, request))
            except NotWritable as error:
                self._answer(_unwritten(request, error))
            except EditRefused as error:
                self._fail(request, str(error), "refused")
            except EditConflict as error:
                self._fail(request, str(error), "conflict")
            except ConfigurationError as error:
                self._fail(request, str(error), "invalid")
            except OSCBridgeError as error:
                self._fail(request, str(error), "failed")
            except Exception as error:
                _log.exception("control room: an edit failed with %r", error)
                self._fail(request, f"failed with {type(error).__name__}; see the log")

    async def _answered(self, editor: ConfigurationEditor, request: Request) -> BaseModel:
        match request:
            case ReadConfiguration():
                return await _configuration(editor, request.id)
            case ReadSchema():
                return SchemaState(id=request.id, document=await editor.schema())
            case CheckEdit():
                return await self._checked(editor, request)
            case SaveEdit():
                edits = [edit_of(each) for each in request.edits]
                saved = await editor.save(edits, request.base, request.summary, self._client)
                return _saved(request.id, saved)
            case UndoEdit():
                saved = await editor.undo(request.number, and_later=request.and_later)
                return _saved(request.id, saved)
            case RedoEdit():
                return _saved(request.id, await editor.redo(request.number))

    async def _checked(self, editor: ConfigurationEditor, request: CheckEdit) -> CheckedState:
        edits = [edit_of(each) for each in request.edits]
        found = await editor.check(edits, request.base, self._client)
        state = CheckedState(
            id=request.id,
            refused=found.refused,
            problems=[ProblemState(**each._asdict()) for each in found.problems],
            warnings=found.warnings,
            diff=found.diff,
            merged=found.merged,
            texts=found.texts,
        )
        if request.trial is None or found.configuration is None:
            return state
        traced, error = await self._trial.run(found.configuration, request.trial)
        return state.model_copy(update={"traced": traced, "trial_error": error})

    def _fail(self, request: Request, error: str, reason: str = "failed") -> None:
        match request:
            case ReadConfiguration():
                self._answer(ConfigurationState(id=request.id, error=error))
            case ReadSchema():
                self._answer(SchemaState(id=request.id, error=error))
            case CheckEdit():
                is_conflict = reason == "conflict"
                self._answer(CheckedState(id=request.id, error=error, conflict=is_conflict))
            case SaveEdit() | UndoEdit() | RedoEdit():
                state = {"type": "saved", "id": request.id, "error": error, "reason": reason}
                self._answer(SavedState.model_validate(state))


def edit_of(wanted: EditWanted) -> Edit:
    """The edit that a page wants."""
    match wanted:
        case AddEdit():
            return AddTable(tuple(wanted.path), _table(wanted.table), wanted.position)
        case ChangeEdit():
            return ChangeTable(tuple(wanted.path), _table(wanted.table))
        case RemoveEdit():
            return RemoveTable(tuple(wanted.path))
        case MoveEdit():
            return MoveRoute(wanted.index, wanted.to)
    return ReplaceText(wanted.file, wanted.text, wanted.base)


def _table(table: Mapping[str, JsonValue]) -> Mapping[str, object]:
    return {key: _value(value) for key, value in table.items()}


def _value(value: JsonValue) -> object:
    match value:
        case {"$toml": str(text), **rest} if not rest:
            return TomlText(text)
        case dict():
            return {key: _value(each) for key, each in value.items()}
        case list():
            return [_value(each) for each in value]
    return value


async def _configuration(editor: ConfigurationEditor, number: int) -> ConfigurationState:
    view = await editor.read()
    return ConfigurationState(
        id=number,
        version=view.version,
        files=[FileState(**each._asdict()) for each in view.files],
        tables={key: _shown(value) for key, value in view.tables.items()},
        places=view.places,
        environment=view.environment,
        problem=view.problem,
        built_in=view.built_in,
        allow_code=view.allow_code,
        versions=[VersionState(**each._asdict()) for each in view.versions],
    )


def _shown(value: object) -> JsonValue:
    """A value as a page gets it."""
    match value:
        case bool() | int() | str():
            return value
        case float():
            is_plain = math.isfinite(value) and not value.is_integer()
            return value if is_plain else {"$toml": repr(value)}
        case dict():
            return {str(key): _shown(each) for key, each in value.items()}
        case list():
            return [_shown(each) for each in value]
    return {"$toml": str(value)}  # a time


def _saved(number: int, saved: SavedEdit) -> SavedState:
    return SavedState(
        id=number,
        text=saved.text,
        problems=saved.problems,
        diff=saved.diff,
        version=saved.version,
        merged=saved.merged,
        number=saved.number,
    )


def _unwritten(request: Request, error: NotWritable) -> SavedState:
    return SavedState(id=request.id, error=str(error), reason="read_only", texts=error.texts)
