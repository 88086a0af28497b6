"""Hides the secrets of a configuration before it is shown, and puts them back. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from oscbridge.bridge.config.editing.edits import EditRefused
from oscbridge.bridge.config.editing.held_secrets import HeldSecrets
from oscbridge.bridge.config.editing.protected import EndpointTypes
from oscbridge.bridge.config.editing.secret_places import USER_AND_PASSWORD, secrets_in, texts_in
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.toml_lines import expressions

__all__ = ["MASK", "MASKED", "Masks"]

MASK: Final = "••••••••"
"""The text shown instead of a secret, before a few digits that tell it from others."""

MIN_SECRET: Final = 4
"""Characters of a secret that is hidden in other texts: a shorter one is part of many words."""

MASKED: Final = re.compile(re.escape(MASK) + "[0-9a-f]{8}")
"""All of that text."""

_MASKED_TOKEN: Final = re.compile(f'"{MASKED.pattern}"')
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
"""A text of TOML, or a comment."""
_LINE: Final = re.compile(
    r"^([ \t]*#*[^=#\n]*(?:pass|secret|token|key|auth|credential|cookie)[^=\n]*=\s*)"
    r"(\"[^\"\n]*\"|'[^'\n]*')",
    re.IGNORECASE | re.MULTILINE,
)
"""A line with a secret, in a comment or in a file that is not valid TOML."""


class Masks:
    """The secrets of the versions of the files that are in use, and the texts shown instead."""

    def __init__(self, types: EndpointTypes) -> None:
        self._types = types
        self._salt = secrets.token_bytes(16)
        self._held: Mapping[str, HeldSecrets] = {}
        """By version."""
        self._all = HeldSecrets()
        """Of all versions. Replaced as a whole: texts are hidden on other threads."""

    def secrets_of(self, raw: Mapping[str, Any], texts: Iterable[str]) -> HeldSecrets:
        """The secrets of tables and of the texts that they were read from."""
        found = HeldSecrets()
        self._add(found, raw)
        for text in texts:
            self._hide_in_toml(text, found)
        return found

    def hold(self, version: str, found: HeldSecrets) -> None:
        """Know these secrets until the version is not retained any more."""
        self._hold({**self._held, version: found})

    def held(self, version: str) -> HeldSecrets | None:
        """The secrets of a version; None if they are not held."""
        return self._held.get(version)

    def retain(self, versions: Collection[str]) -> None:
        """Forget the secrets that only other versions have."""
        if not self._held.keys() <= set(versions):
            self._hold({key: each for key, each in self._held.items() if key in versions})

    def __len__(self) -> int:
        return len(self._all)

    def unknown_in(self, text: str) -> Collection[str]:
        """What stands for secrets that are not known: another process has shown it."""
        return {each for each in MASKED.findall(text) if each not in self._all.texts}

    def shown_in(self, raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
        """What stands for the secrets of tables, with their paths."""
        for place, secret in secrets_in(raw, self._types):
            yield place, self._shown(secret)

    def hide(self, text: str) -> str:
        """A text, e.g. an error, without the known secrets."""
        return _replaced(text, self._known(HeldSecrets()))

    def hide_in_toml(self, text: str) -> str:
        """The text of a file without its secrets, and without the known ones."""
        own = HeldSecrets()
        with suppress(ValueError, RecursionError):  # ValueError: integers of thousands of digits
            self._add(own, tomllib.loads(text))
        return self._hide_in_toml(text, own)

    def hide_in_tables(self, value: Any, place: KeyPath = ()) -> Any:
        """Tables without the known secrets."""
        if isinstance(value, dict):
            return {key: self.hide_in_tables(each, (*place, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self.hide_in_tables(each, place) for each in value]
        if not isinstance(value, str):
            return value
        shown = self._shown(value)
        return shown if self._all.is_at(place, shown) else _hide_user(value, self._shown)

    def restore(self, text: str) -> str:
        """The text of a file with its secrets. Raises :class:`EditRefused` for misplaced ones.

        Nothing is put into a text that is not valid TOML: it cannot be saved, and no place of a
        secret is certain there.
        """
        if MASK not in text:
            return text
        try:
            shown_tables = tomllib.loads(text)
        except (ValueError, RecursionError):
            return text
        restored = _STRING.sub(self._written_token, text)
        restored = MASKED.sub(self._written, restored)
        if MASK in restored:
            reason = "a hidden value is not known any more; type it again, or load the page again"
            raise EditRefused(reason)
        self._check_places(shown_tables, tomllib.loads(restored))
        return restored

    def _check_places(self, shown: Mapping[str, Any], restored: Mapping[str, Any]) -> None:
        """Raise :class:`EditRefused` if a secret is where it was not."""
        found: dict[KeyPath, set[str]] = {}
        for place, secret in secrets_in(restored, self._types):
            found.setdefault(place, set()).add(self._shown(secret))
        for place, text in texts_in(shown, ()):
            if not all(
                each in found.get(place, ()) and self._all.is_at(place, each)
                for each in MASKED.findall(text)
            ):
                reason = "a hidden value can only be kept where it was; type it again"
                raise EditRefused(f"{path_text(place)}: {reason}")

    def _hold(self, held: Mapping[str, HeldSecrets]) -> None:
        found = HeldSecrets()
        for each in held.values():
            found.add(each)
        self._held, self._all = held, found

    # --- one text -----------------------------------------------------------------------------

    def _add(self, found: HeldSecrets, raw: Mapping[str, Any]) -> None:
        """Add the secrets of tables."""
        for place, secret in secrets_in(raw, self._types):
            shown = self._shown(secret)
            found.texts[shown] = secret
            found.put(place, shown)

    def _hide_in_toml(self, text: str, own: HeldSecrets) -> str:
        """The text of a file without its secrets, which are added to ``own``."""
        try:
            parts = list(expressions(text))
        except ValueError:
            return self._hide_in_broken(text, own)
        known = self._known(own)
        inside: tuple[str, ...] = ()
        shown: list[str] = []
        for part in parts:
            if part.kind == "blank":
                shown.append(self._hide_in_comment(part.text, own, known))
                continue
            if part.kind == "key":
                place = (*inside, *part.path)
                found = {
                    each
                    for where, each in texts_in(part.value, place)
                    if own.is_at(where, shown_as := self._shown(each))
                    or self._all.is_at(where, shown_as)
                }
                masked = partial(self._masked, found=found, own=own, known=known)
                shown.append(_replaced_tokens(part.text, masked))
                continue
            inside = part.path
            shown.append(part.text)
        return "".join(shown)

    def _hide_in_broken(self, text: str, own: HeldSecrets) -> str:
        """A text that is not valid TOML without what looks like a secret, and the known ones."""
        text = self._hide_in_lines(text, own)
        written = sorted(self._all.tokens.items(), key=lambda each: -len(each[1]))
        text = _replaced(text, (*written, *self._known(own)))
        return _hide_user(text, self._adding(own))

    def _hide_in_comment(
        self, text: str, own: HeldSecrets, known: Sequence[tuple[str, str]]
    ) -> str:
        return _replaced(self._hide_in_lines(text, own), known) if "#" in text else text

    def _hide_in_lines(self, text: str, own: HeldSecrets) -> str:
        masked = partial(self._masked, found=None, own=own, known=())
        return _LINE.sub(lambda line: line[1] + masked(line[2]), text)

    def _masked(
        self,
        token: str,
        *,
        found: Collection[str] | None,
        own: HeldSecrets,
        known: Sequence[tuple[str, str]],
    ) -> str:
        """A text as it is written; hidden if it is one of these, or in any case without them."""
        if token.startswith("#"):
            return self._hide_in_comment(token, own, known)
        value, shown_for = _value(token), self._adding(own)
        hides_all = found is None or value in found
        shown = shown_for(value) if hides_all else _hide_user(value, shown_for)
        if shown == value:
            return token
        written = json.dumps(shown, ensure_ascii=False)
        own.tokens[written] = token
        return written

    def _adding(self, own: HeldSecrets) -> Callable[[str], str]:
        """Makes the text that is shown for a secret, which is added to ``own``."""

        def shown_for(secret: str) -> str:
            if MASKED.fullmatch(secret):  # it is hidden already
                return secret
            shown = self._shown(secret)
            own.texts[shown] = secret
            return shown

        return shown_for

    # --- known secrets ------------------------------------------------------------------------

    def _shown(self, secret: str) -> str:
        digest = hashlib.blake2b(secret.encode(), key=self._salt, digest_size=4).hexdigest()
        return MASK + digest

    def _known(self, own: HeldSecrets) -> Sequence[tuple[str, str]]:
        """All secrets that are hidden in other texts, each after the text that is shown.

        The longest is first: another may be a part of it.
        """
        known = {**self._all.texts, **own.texts}
        long = [each for each in known.items() if len(each[1]) >= MIN_SECRET]
        return sorted(long, key=lambda each: -len(each[1]))

    def _written_token(self, found: re.Match[str]) -> str:
        """A text, or the texts of a comment, as they were written."""
        if found[0].startswith("#"):
            return _MASKED_TOKEN.sub(self._written_token, found[0])
        return self._all.tokens.get(found[0], found[0])

    def _written(self, found: re.Match[str]) -> str:
        secret = self._all.texts.get(found[0])
        return found[0] if secret is None else json.dumps(secret, ensure_ascii=False)[1:-1]


def _replaced_tokens(text: str, masked: Callable[[str], str]) -> str:
    """A part of TOML with another text for each text and comment in it."""
    return _STRING.sub(lambda found: masked(found[0]), text)


def _replaced(text: str, known: Iterable[tuple[str, str]]) -> str:
    """A text without secrets."""
    for shown, secret in known:
        text = text.replace(secret, shown)
    return text


def _hide_user(text: str, shown: Callable[[str], str]) -> str:
    """A text without the passwords of URLs."""
    return USER_AND_PASSWORD.sub(lambda found: f"{found[1]}:{shown(found[2])}", text)


def _value(token: str) -> str:
    try:
        return str(tomllib.loads(f"value = {token}")["value"])
    except tomllib.TOMLDecodeError:
        return token
