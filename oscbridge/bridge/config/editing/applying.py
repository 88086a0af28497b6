"""Makes edits in the texts of a configuration, and proves that they did just that. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from oscbridge.bridge.config.editing.blocks import blocks_of
from oscbridge.bridge.config.editing.document import ConfigurationDocument, with_texts
from oscbridge.bridge.config.editing.edits import (
    MAX_EDITS,
    AddTable,
    ChangeTable,
    Edit,
    EditRefused,
    MoveRoute,
    RemoveTable,
    ReplaceText,
)
from oscbridge.bridge.config.problem import KeyPath, path_text

__all__ = ["edited_texts"]

_NAMED: Final = ("bridge", "endpoint")


def edited_texts(document: ConfigurationDocument, edits: Sequence[Edit]) -> Mapping[str, str]:
    """The texts of the files that the edits change, by name. Raises :class:`EditRefused`.

    ``include`` may be different in them; nothing is read.
    """
    if len(edits) > MAX_EDITS:
        raise EditRefused(f"at most {MAX_EDITS} edits can be made together")
    changed: dict[str, str] = {}
    for number, edit in enumerate(edits):
        if isinstance(edit, ReplaceText):
            if edit.file not in document.texts:
                raise EditRefused(f"{edit.file!r} is not a file of this configuration")
            changed[edit.file] = _with_line_ends(edit.text, document.texts[edit.file])
            continue
        current = with_texts(document, changed) if number else document
        if current.problem:
            raise EditRefused(f"{current.problem}; correct the text of the file first")
        changed |= _Editor(current).apply(edit)
    return {name: text for name, text in changed.items() if text != document.texts[name]}


def _with_line_ends(text: str, old: str) -> str:
    """A text from an editor, with the line ends that the file has."""
    text = text.replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in old else text


class _Editor:
    """Makes one edit."""

    def __init__(self, document: ConfigurationDocument) -> None:
        self._document = document

    def apply(self, edit: AddTable | ChangeTable | RemoveTable | MoveRoute) -> Mapping[str, str]:
        """The texts that it changes. Raises :class:`EditRefused`."""
        before = deepcopy(dict(self._document.raw))
        match edit:
            case AddTable():
                changed = self._add(edit)
                expected = _added(before, edit)
            case ChangeTable():
                changed = self._change(edit)
                expected = _changed(before, edit)
            case RemoveTable():
                changed = self._remove(edit.path)
                expected = _removed(before, edit.path)
            case MoveRoute():
                changed = self._move(edit)
                expected = _moved(before, edit)
        after = with_texts(self._document, changed)
        if after.problem or not _is_same(after.raw, expected):
            raise EditRefused("this edit cannot be made in the text; change the text of the file")
        return changed

    def _file_of(self, path: KeyPath) -> tuple[str, KeyPath]:
        node: Any = self._document.raw
        for step in path:
            is_there = step in node if isinstance(node, Mapping) else step in range(len(node))
            if not is_there:
                raise EditRefused(f"{path_text(path)} no longer exists")
            node = node[step]
        if not isinstance(node, Mapping):
            raise EditRefused(f"{path_text(path)} is not a table")
        return self._document.included.place_of(path)

    def _text(self, name: str) -> str:
        return self._document.texts[name].replace("\r\n", "\n")

    def _result(self, name: str, text: str) -> Mapping[str, str]:
        return {name: _with_line_ends(text, self._document.texts[name])}

    def _add(self, edit: AddTable) -> Mapping[str, str]:
        from oscbridge.bridge.config.editing.tables import new_table  # tomlkit loads slowly

        kind = str(edit.path[0]) if edit.path else ""
        if edit.path == ("variables",):
            return self._add_variables(edit.table)
        if not (edit.path == ("route",) or (len(edit.path) == 2 and kind in _NAMED)):
            raise EditRefused(f"{path_text(edit.path)}: only routes, bridges and endpoints")
        if kind != "route" and edit.path[-1] in self._document.raw.get(kind, {}):
            raise EditRefused(f"{path_text(edit.path)} exists already; choose another name")
        lines = new_table(edit.path, edit.table).split("\n")
        count = len(self._document.raw.get("route", ()))
        if kind == "route" and count and edit.position != 0:
            position = count if edit.position is None else min(edit.position, count)
            return self._insert(lines, ("route", position - 1), after=True)
        if kind == "route" and count:
            return self._insert(lines, ("route", 0), after=False)
        return self._append(lines, kind)

    def _add_variables(self, table: Mapping[str, Any]) -> Mapping[str, str]:
        from oscbridge.bridge.config.editing.tables import new_table  # tomlkit loads slowly

        known: Mapping[str, Any] = self._document.raw.get("variables", {})
        for name in table:
            if name in known:
                raise EditRefused(f"variables.{name} exists already; choose another name")
        name, here = self._document.included.place_of(("variables",))
        blocks = blocks_of(self._text(name))
        lines = new_table(("variables",), table).split("\n")
        if not any(block.path == here for block in blocks.blocks):
            return self._append(lines, "variables")
        end = blocks.find(here).end
        return self._result(name, blocks.replace(end, end, lines[1:]))

    def _append(self, lines: Sequence[str], kind: str | int) -> Mapping[str, str]:
        """Insert lines in the first file: after the last table of their kind, or at the end."""
        name = self._document.name
        blocks = blocks_of(self._text(name))
        same = [block for block in blocks.blocks if block.path[0] == kind]
        if same and kind != "route":
            end = same[-1].end
            return self._result(name, blocks.replace(end, end, ["", *lines]))
        text = "\n".join(blocks.lines).rstrip("\n")
        return self._result(name, (f"{text}\n\n" if text else "") + "\n".join([*lines, ""]))

    def _insert(self, lines: Sequence[str], path: KeyPath, *, after: bool) -> Mapping[str, str]:
        """Insert lines before or after a route."""
        name, here = self._file_of(path)
        blocks = blocks_of(self._text(name))
        block = blocks.find(here)
        if after:
            end = ["", *lines] if block.end < len(blocks.lines) else ["", *lines, ""]
            return self._result(name, blocks.replace(block.end, block.end, end))
        return self._result(name, blocks.replace(block.start, block.start, [*lines, ""]))

    def _change(self, edit: ChangeTable) -> Mapping[str, str]:
        from oscbridge.bridge.config.editing.tables import changed_table  # tomlkit loads slowly

        name, here = self._file_of(edit.path)
        blocks = blocks_of(self._text(name))
        block = blocks.find(here)
        text = changed_table(blocks.text(block, with_comment=False), here, edit.table)
        return self._result(name, blocks.replace(block.header, block.end, text.split("\n")))

    def _remove(self, path: KeyPath) -> Mapping[str, str]:
        name, here = self._file_of(path)
        blocks = blocks_of(self._text(name))
        block = blocks.find(here)
        end = block.end
        while end < len(blocks.lines) - 1 and not blocks.lines[end].strip():
            end += 1  # the blank lines after it
        return self._result(name, blocks.replace(block.start, end, []))

    def _move(self, edit: MoveRoute) -> Mapping[str, str]:
        count = len(self._document.raw.get("route", ()))
        if not (0 <= edit.index < count and 0 <= edit.to < count):
            raise EditRefused(f"route {edit.index + 1} cannot be moved to {edit.to + 1}")
        name, here = self._file_of(("route", edit.index))
        blocks = blocks_of(self._text(name))
        lines = blocks.text(blocks.find(here)).split("\n")
        removed = self._remove(("route", edit.index))
        rest = _Editor(with_texts(self._document, removed))
        if edit.to < edit.index or edit.to == 0:
            return {**removed, **rest._insert(lines, ("route", edit.to), after=False)}
        return {**removed, **rest._insert(lines, ("route", edit.to - 1), after=True)}


def _added(raw: dict[str, Any], edit: AddTable) -> dict[str, Any]:
    from oscbridge.bridge.config.editing.tables import plain_table

    table = plain_table(edit.table)
    if edit.path == ("variables",):
        raw["variables"] = {**raw.get("variables", {}), **table}
    elif edit.path == ("route",):
        routes = raw.setdefault("route", [])
        routes.insert(len(routes) if edit.position is None else edit.position, table)
    else:
        raw.setdefault(str(edit.path[0]), {})[edit.path[1]] = table
    return raw


def _changed(raw: dict[str, Any], edit: ChangeTable) -> dict[str, Any]:
    from oscbridge.bridge.config.editing.tables import plain_table

    node: Any = raw
    for step in edit.path[:-1]:
        node = node[step]
    node[edit.path[-1]] = plain_table(edit.table)
    return raw


def _removed(raw: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    node: Any = raw
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return raw


def _moved(raw: dict[str, Any], edit: MoveRoute) -> dict[str, Any]:
    raw["route"].insert(edit.to, raw["route"].pop(edit.index))
    return raw


def _is_same(after: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    from oscbridge.bridge.config.editing.tables import same_value

    def full(raw: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in raw.items() if value not in ({}, [])}

    return same_value(full(after), full(expected))
