"""Hides the secrets of a configuration before it is shown, and puts them back. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from oscbridge.bridge.config.editing.edits import EditRefused
from oscbridge.bridge.config.editing.protected import EndpointTypes, is_secret_key, models_of
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.toml_lines import expressions

__all__ = ["MASK", "Masks"]

MASK: Final = "••••••••"
"""The text shown instead of a secret, before a few digits that tell it from others."""

MIN_SECRET: Final = 4
"""Characters of a secret that is hidden in other texts: a shorter one is part of many words."""

_MASKED: Final = re.compile(re.escape(MASK) + "[0-9a-f]{8}")
_NAMES: Final = re.compile(
    r"pass(word|code|phrase|wd)?$|secret|token|api_?-?key|authori[sz]ation|credential|cookie",
    re.IGNORECASE,
)
"""Names of keys whose texts are secrets, whatever the model says."""
_USER: Final = re.compile(r"(?<=://)([^/@\s:]*):([^@/\s]+)(?=@)")
"""User and password in a URL."""
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
"""A text of TOML, or a comment."""
_LINE: Final = re.compile(
    r"^([^=#\n]*(?:pass|secret|token|key|auth|credential|cookie)[^=\n]*=\s*)(\"[^\"\n]*\"|'[^'\n]*')",
    re.IGNORECASE | re.MULTILINE,
)
"""A line with a secret, in a file that is not valid TOML."""


class Masks:
    """The secrets of some tables, and the texts shown instead. More may be added at any time."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._secrets: dict[str, str] = {}
        """By the text that is shown."""
        self._tokens: dict[str, str] = {}
        """Texts of TOML as they are written, by the text that is shown."""
        self._places: dict[str, set[KeyPath]] = {}
        """Where each secret is, by the text that is shown; without the numbers of routes."""

    def learn(self, raw: Mapping[str, Any], types: EndpointTypes) -> None:
        """Note the secrets of these tables."""
        for place, secret in secrets_in(raw, types):
            self._places.setdefault(self._shown(secret), set()).add(_unnumbered(place))

    def hide(self, text: str) -> str:
        """A text, e.g. an error, without the known secrets."""
        for shown, secret in self._secrets.items():
            if len(secret) >= MIN_SECRET:
                text = text.replace(secret, shown)
        return text

    def hide_in_toml(self, text: str) -> str:
        """The text of a file without the known secrets."""
        try:
            parts = list(expressions(text))
        except ValueError:
            return _LINE.sub(lambda found: found[1] + self._masked(found[2], None), text)
        inside: tuple[str, ...] = ()
        shown: list[str] = []
        for part in parts:
            if part.kind == "blank":
                shown.append(self.hide(part.text))
                continue
            if part.kind == "key":
                place = (*inside, *part.path)
                found = {
                    each for where, each in _texts(part.value, place) if self._is_at(where, each)
                }
                shown.append(_STRING.sub(lambda each: self._masked(each[0], found), part.text))  # noqa: B023
                continue
            inside = part.path
            shown.append(part.text)
        return "".join(shown)

    def _is_at(self, place: KeyPath, text: str) -> bool:
        """Whether a text is a secret at this place."""
        return _unnumbered(place) in self._places.get(self._shown(text, keep=False), ())

    def _masked(self, token: str, found: Collection[str] | None) -> str:
        """A text as it is written; hidden if it is one of these, or in any case without them."""
        if token.startswith("#"):
            return self.hide(token)
        value = _value(token)
        if found is None or value in found:
            shown = self._shown(value)
        else:
            shown = _hide_user(value, self._shown)
        if shown == value:
            return token
        written = json.dumps(shown, ensure_ascii=False)
        self._tokens[written] = token
        return written

    def hide_in_tables(self, value: Any, place: KeyPath = ()) -> Any:
        """Tables without the known secrets."""
        if isinstance(value, dict):
            return {key: self.hide_in_tables(each, (*place, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self.hide_in_tables(each, place) for each in value]
        if not isinstance(value, str):
            return value
        return self._shown(value) if self._is_at(place, value) else _hide_user(value, self._shown)

    def restore(self, text: str, types: EndpointTypes) -> str:
        """The text of a file with its secrets. Raises :class:`EditRefused` for misplaced ones."""
        if MASK not in text:
            return text
        masked = text
        for written, token in self._tokens.items():
            text = text.replace(written, token)
        restored = _MASKED.sub(self._written, text)
        if MASK in restored:
            raise EditRefused("a hidden value is not known any more; load the page again")
        with suppress(tomllib.TOMLDecodeError, RecursionError):
            found = dict(secrets_in(tomllib.loads(restored), types))
            for place, shown in _texts(tomllib.loads(masked), ()):
                is_kept = place in found and self._is_at(place, found[place])
                if MASK in shown and not is_kept:
                    text = "a hidden value can only be kept where it was; type it again"
                    raise EditRefused(f"{path_text(place)}: {text}")
        return restored

    def _shown(self, secret: str, *, keep: bool = True) -> str:
        digest = hashlib.blake2b(secret.encode(), key=self._salt, digest_size=4).hexdigest()
        shown = MASK + digest
        if keep:
            self._secrets[shown] = secret
        return shown

    def _written(self, found: re.Match[str]) -> str:
        secret = self._secrets.get(found[0])
        return found[0] if secret is None else json.dumps(secret, ensure_ascii=False)[1:-1]


def _hide_user(text: str, shown: Callable[[str], str]) -> str:
    """A text without the passwords of URLs."""
    return _USER.sub(lambda found: f"{found[1]}:{shown(found[2])}", text)


def secrets_in(raw: Mapping[str, Any], types: EndpointTypes) -> Iterator[tuple[KeyPath, str]]:
    """The secrets that are written in tables, with their paths."""
    for place, text in _texts(raw, ()):
        name = next((step for step in reversed(place) if isinstance(step, str)), "")
        if text and (_NAMES.search(name) or _is_secret(raw, place, types)):
            if not (len(place) > 1 and place[-1] in ("env", "file", "name", "rights")):
                yield place, text
        elif found := _USER.search(text):
            yield place, found[2]


def _is_secret(raw: Mapping[str, Any], place: KeyPath, types: EndpointTypes) -> bool:
    """Whether the model of an endpoint says so."""
    if len(place) < 3 or place[0] != "endpoint":
        return False
    table = raw["endpoint"][place[1]]
    if not isinstance(table, Mapping):
        return False
    models = models_of(place, table, types)
    return any(is_secret_key(model, str(place[2])) for model in models)


def _texts(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))
    elif isinstance(value, str):
        yield path, value


def _unnumbered(place: KeyPath) -> KeyPath:
    return tuple(step for step in place if isinstance(step, str))


def _value(token: str) -> str:
    try:
        return str(tomllib.loads(f"value = {token}")["value"])
    except tomllib.TOMLDecodeError:
        return token
