"""The versions of the files that are in use, and their secrets."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from oscbridge.bridge.config.editing.document import ConfigurationDocument
from oscbridge.bridge.config.editing.edits import (
    Edit,
    EditConflict,
    EditingClient,
    EditRefused,
    ReplaceText,
)
from oscbridge.bridge.config.editing.mask_renewal import renewed
from oscbridge.bridge.config.editing.masking import Masks
from oscbridge.bridge.config.editing.merging import merged
from oscbridge.bridge.config.editing.protected import EndpointTypes

__all__ = ["KnownVersions"]

MAX_BASES: Final = 40
"""Versions of the files that edits may start from, without those in the history."""

MAX_SECRETS: Final = 1_000
"""Secrets of all files after an edit, unless the files have more already."""


class KnownVersions:
    """The last versions on disk, the last one that was valid, and the last draft of each client.

    The secrets of all of them are known, and no others.
    """

    def __init__(self, types: EndpointTypes) -> None:
        self.masks = Masks(types)
        self.trusted: ConfigurationDocument | None = None
        """The last files that were valid TOML."""
        self._bases: OrderedDict[str, ConfigurationDocument] = OrderedDict()
        self._drafts: dict[EditingClient, str] = {}
        """The version that the last draft of each client would be."""
        self._anyone = EditingClient()
        """Stands for those who do not say who they are."""

    def base(self, version: str) -> ConfigurationDocument | None:
        """A version that edits may start from; None if it is too old."""
        return self._bases.get(version)

    def add(self, document: ConfigurationDocument) -> None:
        """Note the files on disk."""
        if not document.problem:
            self.trusted = document
        self._bases[document.version] = document
        self._bases.move_to_end(document.version)
        while len(self._bases) > MAX_BASES:
            self._bases.popitem(last=False)
        if self.masks.held(document.version) is None:
            found = self.masks.secrets_of(document.raw, document.texts.values())
            self.masks.hold(document.version, found)
        self._forget()

    def add_draft(
        self,
        draft: ConfigurationDocument,
        current: ConfigurationDocument,
        client: EditingClient | None,
    ) -> None:
        """Note the last draft of a client.

        Raises :class:`EditRefused` if it has too many secrets, with nothing noted.
        """
        if self.masks.held(draft.version) is None:
            found = self.masks.secrets_of(draft.raw, draft.texts.values())
            now = self.masks.held(current.version)
            if len(found) > max(MAX_SECRETS, 0 if now is None else len(now)):
                raise EditRefused(f"more than {MAX_SECRETS} secrets; edit the files where they are")
            self.masks.hold(draft.version, found)
        self._drafts[client or self._anyone] = draft.version
        self._forget()

    def renewed(self, document: ConfigurationDocument, name: str, text: str) -> str:
        """The text of a file with the hidden values that another process has shown.

        A place of a secret in ``document`` has that secret.
        """
        if not (unknown := self.masks.unknown_in(text)):
            return text
        shown = self.masks.shown_in(document.raw)
        now = self.masks.hide_in_toml(document.texts.get(name, ""))
        return renewed(text, unknown, document.raw, shown, now)

    def rebased(self, document: ConfigurationDocument, edit: Edit) -> tuple[Edit, bool]:
        """An edit of ``document`` with what its file has become since the base of the edit.

        The second is whether that is another text. Raises :class:`EditConflict`.
        """
        if not isinstance(edit, ReplaceText) or edit.base is None:
            return edit, False
        if edit.file not in document.texts:
            return edit, False
        now = _with_plain_ends(self.masks.hide_in_toml(document.texts[edit.file]))
        base, text = (
            _with_plain_ends(self.renewed(document, edit.file, each))
            for each in (edit.base, edit.text)
        )
        both = merged(base, text, now)
        if both is None:
            raise EditConflict.in_file(edit.file)
        return ReplaceText(edit.file, both), base != now

    def _forget(self) -> None:
        """Forget the secrets that neither a version nor a draft has any more."""
        self._drafts = {key: each for key, each in self._drafts.items() if not key.is_closed}
        used = {*self._bases, *self._drafts.values()}
        if self.trusted is not None:
            used.add(self.trusted.version)
        self.masks.retain(used)


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n")
