"""An edit before it is saved: whether it is allowed, whether it is valid, and its difference."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final, NamedTuple

from oscbridge.bridge.config.config import Examined, examine
from oscbridge.bridge.config.editing.blocks import line_of
from oscbridge.bridge.config.editing.document import ConfigurationDocument, with_texts
from oscbridge.bridge.config.editing.guard import (
    DeviceList,
    GuardedTables,
    environment_problems,
    guard_problems,
    include_problems,
)
from oscbridge.bridge.config.editing.protected import EndpointTypes
from oscbridge.bridge.config.environment import overlay
from oscbridge.bridge.config.problem import KeyPath
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.config.toml_lines import lines_of

__all__ = ["ConfigurationDraft", "EditProblem", "difference", "make_draft"]

MAX_PROBLEMS: Final = 200
"""Problems that are reported of one draft."""

_LINE: Final = re.compile(r"\bline (\d+)")


class EditProblem(NamedTuple):
    """One problem of a draft, in the words of ``oscbridge check``."""

    file: str
    path: KeyPath
    """Where it is in the whole configuration; empty if that is unknown."""
    line: int
    """Where it is in the file; 0 if that is unknown."""
    text: str
    brief: str = ""
    """The same without the place and the value."""


@dataclass(frozen=True)
class ConfigurationDraft:
    """The files as an edit would leave them."""

    before: ConfigurationDocument
    after: ConfigurationDocument
    refused: Sequence[str] = ()
    """Why the edit is not allowed. Then nothing of it was read or checked."""
    problems: Sequence[EditProblem] = ()
    warnings: Sequence[str] = ()
    configuration: Configuration | None = None
    """The valid configuration."""

    @property
    def changed(self) -> Mapping[str, str]:
        """The texts that the edit changes, by the names of their files."""
        old = self.before.texts
        return {name: text for name, text in self.after.texts.items() if old.get(name) != text}


def make_draft(
    before: ConfigurationDocument,
    texts: Mapping[str, str],
    types: EndpointTypes,
    *,
    trusted: ConfigurationDocument,
    allow_code: bool,
    devices: DeviceList,
) -> ConfigurationDraft:
    """Compare texts of files with those of now, and check them if they are allowed. May block.

    ``trusted`` are the last files that were valid TOML: their protected keys stay.
    """
    guarded = _guarded(trusted)
    if not allow_code:
        whole = {**before.texts, **texts}
        refused = tuple(include_problems(guarded, _unread(before, whole)))
        if refused:  # before other files are read, whose content an error could show
            return ConfigurationDraft(before, before, refused)
    after = with_texts(before, texts)
    if after.problem:
        return ConfigurationDraft(before, after, problems=[_syntax_problem(after)])
    changed = _guarded(after)
    refused = tuple(environment_problems(guarded, changed))
    refused += tuple(
        guard_problems(guarded, changed, types, allow_code=allow_code, devices=devices)
    )
    if refused:  # before it is validated: that would import functions and read files
        return ConfigurationDraft(before, after, refused)
    path = str(after.path.absolute())
    found = examine(after.included, types, after.path.absolute().parent, path)
    problems = list(_problems(after, found))[:MAX_PROBLEMS]
    if problems:
        return ConfigurationDraft(before, after, problems=problems)
    return ConfigurationDraft(
        before, after, warnings=found.warnings, configuration=found.configuration()
    )


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The unified difference of texts, by the names of their files."""
    parts: list[str] = []
    for name, text in after.items():
        old = before.get(name, "")
        if old != text:
            lines = (_bare_lines(old), _bare_lines(text))
            parts += unified_diff(*lines, f"{name} (now)", f"{name} (edited)", lineterm="")
    return "\n".join(parts)


def _bare_lines(text: str) -> Sequence[str]:
    return [each.rstrip("\r\n") for each in lines_of(text)]


def _guarded(document: ConfigurationDocument) -> GuardedTables:
    return GuardedTables(document.raw, overlay(document.raw, os.environ), document.includes())


def _unread(before: ConfigurationDocument, texts: Mapping[str, str]) -> Mapping[str, object]:
    """What the files would include; nothing is read."""
    return ConfigurationDocument(
        before.name, before.path, texts, before.paths, before.included
    ).includes()


def _syntax_problem(document: ConfigurationDocument) -> EditProblem:
    text = document.problem
    name = next((each for each in document.texts if text.startswith(f"{each}: ")), document.name)
    found = _LINE.search(text)
    line = int(found[1]) if found else 0
    text = text.removeprefix(f"{name}: ")
    return EditProblem(name, (), line, text, text)


def _problems(document: ConfigurationDocument, found: Examined) -> Iterator[EditProblem]:
    for path, brief, text in found.problems:
        if not path:
            yield EditProblem("", (), 0, text, brief)
            continue
        name, here = document.included.place_of(path)
        line = line_of(document.texts[name], here)
        yield EditProblem(name, path, line, text.removeprefix(f"{name}: "), brief)
    if not found.problems:
        for each in found.reader.broken:
            name, here = document.included.place_of(each.path)
            line = line_of(document.texts[name], here)
            yield EditProblem(name, each.path, line, str(each), each.text)
