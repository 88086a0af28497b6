"""Views of the configuration while it is edited. Contains no secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oscbridge.access.grant import AccessGrant
from oscbridge.bridge.config.editing.draft import EditProblem
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.config.tokens import HTTP

__all__ = [
    "CheckedEdit",
    "ConfigurationView",
    "FileView",
    "SavedEdit",
    "VersionView",
    "why_not_edit",
]


class FileView(NamedTuple):
    """A file of the configuration."""

    name: str
    text: str
    read_only: str
    """Why it cannot be written; empty if it can."""


class VersionView(NamedTuple):
    """A saved edit."""

    number: int
    time: float
    """Unix time."""
    summary: str
    undone: bool
    diff: str


@dataclass(frozen=True)
class ConfigurationView:
    """The configuration as it is on disk."""

    version: str
    """Edits start from it."""
    files: Sequence[FileView]
    """The first file first."""
    tables: Mapping[str, Any]
    """Those of all files, without the environment."""
    places: Sequence[str]
    """The name of the file of each route, in order."""
    environment: Mapping[str, str]
    """The variables by the keys that they set, e.g. ``endpoint.desk.to``."""
    problem: str
    """Why the files cannot be read; empty if they can."""
    built_in: bool
    """Whether it has no file yet: the first save creates one."""
    allow_code: bool
    versions: Sequence[VersionView]
    """The newest first."""


@dataclass(frozen=True)
class CheckedEdit:
    """Edits that are not saved."""

    refused: Sequence[str]
    """Why they are not allowed."""
    problems: Sequence[EditProblem]
    warnings: Sequence[str]
    diff: str
    """The unified difference from the files as they are."""
    merged: bool
    """Whether others changed the files meanwhile; both changes are kept."""
    texts: Mapping[str, str]
    """The changed texts by the names of the files."""
    configuration: Configuration | None
    """The valid configuration."""


@dataclass(frozen=True)
class SavedEdit:
    """Edits that are saved and active."""

    text: str
    """The changes, human-readable."""
    problems: Sequence[str]
    """What does not work, though the new configuration is active."""
    diff: str
    version: str
    merged: bool
    number: int
    """That of the version in the history; 0 if nothing has changed."""


def why_not_edit(grant: AccessGrant) -> str:
    """Why a client may neither see nor edit the configuration; empty if it may."""
    denied = grant.without("configure")
    if denied is not None:
        return denied.reason
    if grant.rights.addresses is not None:
        return "this token is limited to some addresses, and may not edit the configuration"
    fronts = None if grant.token is None else grant.token.fronts
    if fronts is not None and set(fronts) - {HTTP}:
        return "this token is limited to some endpoints, and may not edit the configuration"
    return ""
