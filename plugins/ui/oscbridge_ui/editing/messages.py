"""The messages about the configuration, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, JsonValue

from oscbridge_ui.protocol_base import CommandId, Name, ProtocolModel, Text

__all__ = [
    "AddEdit",
    "ChangeEdit",
    "CheckEdit",
    "CheckedState",
    "ConfigurationState",
    "EditWanted",
    "EditingMessage",
    "EditingState",
    "FileState",
    "LastMessages",
    "MoveEdit",
    "ProblemState",
    "ReadConfiguration",
    "ReadSchema",
    "RedoEdit",
    "RemoveEdit",
    "RoutesState",
    "SaveEdit",
    "SavedState",
    "SchemaState",
    "TextEdit",
    "TraceStep",
    "TracedMessage",
    "Trial",
    "UndoEdit",
    "VersionState",
    "WatchRoutes",
]

MAX_EDITS: Final = 100
MAX_FILE: Final = 524_288
"""Characters of a file that is edited as a whole."""

_Path = Annotated[Sequence[str | int], Field(max_length=8)]
_Table = Mapping[str, JsonValue]
_Index = Annotated[int, Field(ge=0, lt=1_000_000)]


class AddEdit(ProtocolModel):
    """A new table: ``["route"]``, ``["endpoint", "desk"]``."""

    kind: Literal["add"]
    path: _Path
    table: _Table
    """A value as in TOML is ``{"$toml": "[0.0, 1.0, 0, 127]"}``."""
    position: _Index | None = None
    """The index that a route gets; None is after the last one."""


class ChangeEdit(ProtocolModel):
    """A table gets this content; a key that is missing is removed."""

    kind: Literal["change"]
    path: _Path
    table: _Table


class RemoveEdit(ProtocolModel):
    """A table is removed."""

    kind: Literal["remove"]
    path: _Path


class MoveEdit(ProtocolModel):
    """A route gets another index."""

    kind: Literal["move"]
    index: _Index
    to: _Index


class TextEdit(ProtocolModel):
    """A file gets this text, made from ``base``, by default from the text of the version."""

    kind: Literal["text"]
    file: Text
    text: Annotated[str, Field(max_length=MAX_FILE)]
    base: Annotated[str, Field(max_length=MAX_FILE)] | None = None


EditWanted: TypeAlias = Annotated[
    AddEdit | ChangeEdit | RemoveEdit | MoveEdit | TextEdit, Field(discriminator="kind")
]
_Edits = Annotated[Sequence[EditWanted], Field(min_length=1, max_length=MAX_EDITS)]


class Trial(ProtocolModel):
    """What to trace through a draft."""

    route: _Index
    """Its index in the draft."""
    message: Text = ""
    """A message as for ``oscbridge send``; the last real messages without it."""
    run_function: bool = False
    """Whether the function of the route runs."""


class ReadConfiguration(ProtocolModel):
    """Read the configuration. Requires the right ``configure``."""

    type: Literal["read_configuration"]
    id: CommandId


class ReadSchema(ProtocolModel):
    """Read the JSON Schema of the configuration. Requires the right ``configure``."""

    type: Literal["read_schema"]
    id: CommandId


class CheckEdit(ProtocolModel):
    """Check edits; nothing changes. Requires the right ``configure``."""

    type: Literal["check_edit"]
    id: CommandId
    base: Name
    """The version that they start from."""
    edits: _Edits
    trial: Trial | None = None


class SaveEdit(ProtocolModel):
    """Make edits, and reload. Requires the right ``configure``."""

    type: Literal["save_edit"]
    id: CommandId
    base: Name
    edits: _Edits
    summary: Name


class UndoEdit(ProtocolModel):
    """Undo an edit, and reload. Requires the right ``configure``."""

    type: Literal["undo_edit"]
    id: CommandId
    number: int | None = None
    """That of its version; None is the last one."""
    and_later: bool = False
    """Whether those after it are undone too."""


class RedoEdit(ProtocolModel):
    """Make an undone edit again, and reload. Requires the right ``configure``."""

    type: Literal["redo_edit"]
    id: CommandId
    number: int | None = None
    """That of its version; None is the one that was undone last."""


class WatchRoutes(ProtocolModel):
    """Watch the last messages of all routes."""

    type: Literal["watch_routes"]


EditingMessage: TypeAlias = (
    ReadConfiguration | ReadSchema | CheckEdit | SaveEdit | UndoEdit | RedoEdit | WatchRoutes
)
"""A message from the page."""


class FileState(ProtocolModel):
    """A file of the configuration."""

    name: str
    text: str
    """With secrets hidden."""
    read_only: str
    """Why it cannot be written."""


class VersionState(ProtocolModel):
    """A saved edit."""

    number: int
    time: float
    """Unix time."""
    summary: str
    undone: bool
    diff: str


class ConfigurationState(ProtocolModel):
    """The configuration as it is on disk."""

    type: Literal["configuration"] = "configuration"
    id: int
    error: str = ""
    version: str = ""
    files: Sequence[FileState] = ()
    tables: _Table = Field(default_factory=dict)
    """Those of all files, as if they were one. A float such as 1.0, which JavaScript does not
    have, is ``{"$toml": "1.0"}``, here as in edits."""
    places: Sequence[str] = ()
    """The name of the file of each route."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Variables by the keys that they set."""
    problem: str = ""
    """Why the files cannot be read."""
    built_in: bool = False
    """Whether the first save creates the file."""
    allow_code: bool = False
    versions: Sequence[VersionState] = ()


class SchemaState(ProtocolModel):
    """The JSON Schema of the configuration; ``readOnly`` marks what only the file may set."""

    type: Literal["schema"] = "schema"
    id: int
    error: str = ""
    document: JsonValue = None


class ProblemState(ProtocolModel):
    """A problem of a draft, in the words of ``oscbridge check``."""

    file: str
    path: Sequence[str | int]
    line: int
    text: str
    brief: str
    """The same without the place and the value."""


class TraceStep(ProtocolModel):
    """A step of a route, and its result."""

    key: str
    value: str
    result: str
    outcome: Literal["passed", "stopped", "sent"]


class TracedMessage(ProtocolModel):
    """A message on its way through the draft of a route."""

    source: str
    text: str
    result: str
    """The message that is sent, or why none is."""
    steps: Sequence[TraceStep]


class CheckedState(ProtocolModel):
    """Edits that are not saved."""

    type: Literal["checked"] = "checked"
    id: int
    error: str = ""
    """Why they cannot be made at all."""
    conflict: bool = False
    """Whether that is a change that was made elsewhere in the same place."""
    refused: Sequence[str] = ()
    problems: Sequence[ProblemState] = ()
    warnings: Sequence[str] = ()
    diff: str = ""
    merged: bool = False
    texts: Mapping[str, str] = Field(default_factory=dict)
    traced: Sequence[TracedMessage] = ()
    trial_error: str = ""


class SavedState(ProtocolModel):
    """The result of a save or an undo."""

    type: Literal["saved"] = "saved"
    id: int
    error: str = ""
    reason: Literal["", "refused", "conflict", "read_only", "invalid", "failed"] = ""
    text: str = ""
    """The changes, human-readable."""
    problems: Sequence[str] = ()
    diff: str = ""
    version: str = ""
    merged: bool = False
    number: int = 0
    texts: Mapping[str, str] = Field(default_factory=dict)
    """The edited files, to copy, if they cannot be written."""


class LastMessages(ProtocolModel):
    """The last message that a route took, and what it made of it."""

    id: str
    address: str
    taken: str
    time: float
    """Unix time; 0 without a message."""
    sent: str


class RoutesState(ProtocolModel):
    """The last messages of all routes, or of those that have changed."""

    type: Literal["routes"] = "routes"
    full: bool
    configuration: int
    """Increases with each reload."""
    routes: Sequence[LastMessages]


EditingState: TypeAlias = ConfigurationState | SchemaState | CheckedState | SavedState | RoutesState
"""A message from the bridge."""
