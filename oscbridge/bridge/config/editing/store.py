"""Reads and writes the files of a configuration for edits. Everything here may block."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from oscbridge.bridge.config.configuration_source import ConfigurationSource, default_file
from oscbridge.bridge.config.editing.applying import edited_texts
from oscbridge.bridge.config.editing.document import ConfigurationDocument, read_document
from oscbridge.bridge.config.editing.draft import ConfigurationDraft, make_draft
from oscbridge.bridge.config.editing.edits import (
    Edit,
    EditConflict,
    EditingClient,
    EditRefused,
    NotWritable,
)
from oscbridge.bridge.config.editing.guard import DeviceList
from oscbridge.bridge.config.editing.history import SavedVersion, VersionHistory
from oscbridge.bridge.config.editing.known_versions import KnownVersions
from oscbridge.bridge.config.editing.masking import Masks
from oscbridge.bridge.config.editing.merging import merged
from oscbridge.bridge.config.file import create_file, read_file, replace_file
from oscbridge.errors import ConfigurationError, OSCBridgeError

__all__ = ["ConfigurationStore"]

MAX_TEXT: Final = 1 << 20
"""Characters of all files after an edit."""

_GONE: Final = "this page shows a version that is too old; load it again"


class ConfigurationStore:
    """The files of one configuration. Its methods may be called on any thread."""

    def __init__(self, source: ConfigurationSource, devices: DeviceList) -> None:
        self._source = source
        self._devices = devices
        self._known = KnownVersions(source.types)
        self._lock = threading.Lock()

    @property
    def masks(self) -> Masks:
        """Hides the secrets of the files and of drafts."""
        return self._known.masks

    @property
    def history(self) -> VersionHistory:
        """The versions of the file. Raises :class:`EditRefused` if there can be no file."""
        file = self._source.file or default_file()
        if file is None:
            raise EditRefused("no home directory to save a file in; start with a file")
        return VersionHistory(file.absolute())

    def read(self) -> ConfigurationDocument:
        """The files as they are. Raises :class:`ConfigurationError`."""
        with self._lock:
            return self._read()

    def draft(
        self,
        edits: Sequence[Edit],
        base: str,
        *,
        allow_code: bool,
        client: EditingClient | None = None,
    ) -> tuple[ConfigurationDraft, bool]:
        """The files with edits of one version of them, and whether others changed them meanwhile.

        The secrets of the draft are known until the next one of this client. Raises
        :class:`EditRefused` and :class:`EditConflict`.
        """
        with self._lock:
            current = self._read()
            old = current if base == current.version else self._known.base(base)
            if old is None:
                raise EditConflict(_GONE)
            rebased = [self._known.rebased(old, each) for each in edits]
            texts: Mapping[str, str] = {
                name: self.masks.restore(self._known.renewed(old, name, text))
                for name, text in edited_texts(old, [edit for edit, _ in rebased]).items()
            }
            is_merged = old.version != current.version
            if is_merged:
                texts = _merged(old, texts, current)
            is_merged = is_merged or any(is_changed for _, is_changed in rebased)
            return self._checked(current, texts, allow_code, client), is_merged

    def undone(
        self, number: int | None, *, and_later: bool, allow_code: bool
    ) -> tuple[ConfigurationDraft, Sequence[SavedVersion]]:
        """The files without a saved edit, by default the last one, and the versions that end.

        Raises :class:`EditRefused` and :class:`EditConflict`.
        """
        with self._lock:
            current = self._read()
            active = [each for each in self.history.read() if not each.undone]
            if number is None:
                chosen = active[-1:]
            else:
                last = active[-1].number if active and and_later else number
                chosen = [each for each in active if number <= each.number <= last]
            if not chosen:
                raise EditRefused("there is nothing to undo")
            texts = dict(current.texts)
            for version in reversed(chosen):
                for name, before in version.before.items():
                    again = _merged_again(name, version.after[name], before, texts)
                    texts[name] = _found(again, name, version, "undo")
            return self._checked(current, texts, allow_code), chosen

    def redone(
        self, number: int | None, *, allow_code: bool
    ) -> tuple[ConfigurationDraft, Sequence[SavedVersion]]:
        """The files with an edit that was undone, and its version.

        By default it is the one that was undone last, unless others were saved after it. Raises
        :class:`EditRefused` and :class:`EditConflict`.
        """
        with self._lock:
            current = self._read()
            versions = self.history.read()
            last = max((each.number for each in versions if not each.undone), default=0)
            for version in versions:
                is_wanted = version.number > last if number is None else version.number == number
                if version.undone and is_wanted:
                    break
            else:
                raise EditRefused("there is nothing to redo")
            texts = dict(current.texts)
            for name, after in version.after.items():
                again = _merged_again(name, version.before[name], after, texts)
                texts[name] = _found(again, name, version, "redo")
            return self._checked(current, texts, allow_code), [version]

    def write(self, draft: ConfigurationDraft, summary: str | None) -> SavedVersion | None:
        """Write the files of a valid draft, and keep the version unless ``summary`` is None.

        Raises :class:`NotWritable` and :class:`EditConflict`, with nothing changed.
        """
        with self._lock:
            before = {name: draft.before.texts[name] for name in draft.changed}
            if self._source.file is None:
                return self._create(draft, summary)
            self._compare(draft)
            version: SavedVersion | None = None
            try:
                if summary is not None:
                    version = self.history.add(summary, before, draft.changed)
                self._replace(draft.before, draft.changed)
            except OSCBridgeError as error:
                if version is not None:
                    self.history.remove(version.number)
                raise self._not_writable(error, draft) from None
            return version

    def restore(self, draft: ConfigurationDraft, version: SavedVersion | None) -> str:
        """Write the files as they were before a draft. Returns why not; empty if it succeeds."""
        with self._lock:
            try:
                if draft.before.path.exists() and self._read().version == draft.after.version:
                    self._replace(
                        draft.before, {name: draft.before.texts[name] for name in draft.changed}
                    )
            except OSCBridgeError as error:
                return str(error)
            if version is not None:
                self.history.remove(version.number)
            return ""

    def remove_new(self, draft: ConfigurationDraft, version: SavedVersion | None) -> None:
        """Remove the file of a configuration that had none, as it cannot be used."""
        with self._lock, suppress(OSError):
            draft.after.path.unlink()
            self._source.file = None
            if version is not None:
                self.history.remove(version.number)

    def mark(self, versions: Sequence[SavedVersion], *, undone: bool) -> None:
        """Note that these versions were undone, or redone. Raises :class:`OSCBridgeError`."""
        with self._lock:
            self.history.mark([each.number for each in versions], undone=undone)

    # --- with the lock ------------------------------------------------------------------------

    def _read(self) -> ConfigurationDocument:
        file = self._source.file
        if file is not None:
            document = read_document(file.absolute(), str(file))
        else:
            path = default_file()
            if path is None:
                raise EditRefused("no home directory to save a file in; start with a file")
            document = read_document(path, str(path), self._source.built_in)
        self._known.add(document)
        return document

    def _checked(
        self,
        current: ConfigurationDocument,
        texts: Mapping[str, str],
        allow_code: bool,
        client: EditingClient | None = None,
    ) -> ConfigurationDraft:
        trusted = self._known.trusted
        if trusted is None:
            raise EditRefused(f"{current.problem}; correct the file where it is")
        if sum(map(len, {**current.texts, **texts}.values())) > MAX_TEXT:
            raise EditRefused(f"more than {MAX_TEXT} characters; edit the files where they are")
        draft = make_draft(
            current, texts, self._source.types,
            trusted=trusted, allow_code=allow_code, devices=self._devices,
        )  # fmt: skip
        self._known.add_draft(draft.after, current, client)
        return draft

    def _create(self, draft: ConfigurationDraft, summary: str | None) -> SavedVersion | None:
        path = draft.after.path
        version: SavedVersion | None = None
        try:
            create_file(path, draft.after.texts[draft.after.name])
            if summary is not None:
                version = self._add_first(path, summary, draft)
        except OSCBridgeError as error:
            raise self._not_writable(error, draft) from None
        self._source.file = path
        return version

    def _add_first(self, path: Path, summary: str, draft: ConfigurationDraft) -> SavedVersion:
        try:
            return self.history.add(summary, draft.before.texts, draft.after.texts)
        except OSCBridgeError:
            with suppress(OSError):
                path.unlink()
            raise

    def _compare(self, draft: ConfigurationDraft) -> None:
        """Raise :class:`EditConflict` if a file has changed since it was read."""
        for name in draft.changed:
            try:
                is_same = read_file(draft.before.paths[name]) == draft.before.texts[name]
            except ConfigurationError:
                is_same = False
            if not is_same:
                raise EditConflict(f"{name} has changed this moment; try again")

    def _replace(self, document: ConfigurationDocument, texts: Mapping[str, str]) -> None:
        """Write files; if one cannot be written, none is changed. Raises OSCBridgeError."""
        written: list[str] = []
        try:
            for name, text in texts.items():
                replace_file(document.paths[name], text)
                written.append(name)
        except OSCBridgeError:
            for name in written:
                with suppress(OSCBridgeError):
                    replace_file(document.paths[name], document.texts[name])
            raise

    def _not_writable(self, error: OSCBridgeError, draft: ConfigurationDraft) -> NotWritable:
        texts = {name: self.masks.hide_in_toml(text) for name, text in draft.changed.items()}
        return NotWritable(str(error), texts)


def _merged(
    old: ConfigurationDocument, texts: Mapping[str, str], current: ConfigurationDocument
) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, text in texts.items():
        theirs = current.texts.get(name)
        both = None if theirs is None else merged(old.texts[name], text, theirs)
        if both is None:
            raise EditConflict.in_file(name)
        found[name] = both
    return found


def _merged_again(name: str, old: str, new: str, texts: Mapping[str, str]) -> str | None:
    """The current text of a file with the change from ``old`` to ``new``; None in a conflict."""
    current = texts.get(name)
    return None if current is None else merged(old, new, current)


def _found(text: str | None, name: str, version: SavedVersion, verb: str) -> str:
    if text is None:
        raise EditConflict(
            f"{name} was changed in the same place after {version.summary!r}; {verb} it by hand"
        )
    return text
