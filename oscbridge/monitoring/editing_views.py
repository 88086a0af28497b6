"""Views of the configuration while it is edited. Contains no secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oscbridge.access.grant import AccessGrant
from oscbridge.bridge.config.editing.document import ConfigurationDocument
from oscbridge.bridge.config.editing.draft import EditProblem
from oscbridge.bridge.config.editing.masking import Masks
from oscbridge.bridge.config.environment import overlay
from oscbridge.bridge.config.file import why_not_writable
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.config.tokens import HTTP

__all__ = [
    "CheckedEdit",
    "ConfigurationView",
    "FileView",
    "SavedEdit",
    "VersionView",
    "view_of",
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


def view_of(
    document: ConfigurationDocument,
    masks: Masks,
    versions: Sequence[VersionView],
    *,
    built_in: bool,
    allow_code: bool,
) -> ConfigurationView:
    """The view of the files on disk. May block."""
    places = overlay(document.raw, os.environ).places
    leaves = {variable: path for path, variable in sorted(places.items(), key=_depth)}
    return ConfigurationView(
        version=document.version,
        files=[
            FileView(name, masks.hide_in_toml(text), why_not_writable(document.paths[name]))
            for name, text in document.texts.items()
        ],
        tables=masks.hide_in_tables(dict(document.raw)),
        places=document.places,
        environment={path_text(path): variable for variable, path in leaves.items()},
        problem=masks.hide(document.problem),
        built_in=built_in,
        allow_code=allow_code,
        versions=versions,
    )


def _depth(place: tuple[KeyPath, str]) -> int:
    return len(place[0])


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
