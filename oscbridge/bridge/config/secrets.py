"""Values that a configuration refers to: secrets, and files by their names."""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from oscbridge.bridge.config.problem import KeyPath
from oscbridge.file_reading import open_regular, read_limited
from oscbridge.net.os_errors import what_failed

__all__ = ["SECRET", "File", "Folder", "Secret", "note_file", "noted_files", "secret_warnings"]

MAX_SECRET: Final = 65_536
"""Bytes of a secret, at most."""

MAX_FILE: Final = 16 << 20
"""Bytes of a file that an option names, at most: some libraries read it whole."""

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, which Windows PowerShell writes."""

_INVISIBLE: Final = frozenset(("Cf", "Zl", "Zp"))
"""Categories of characters that are copied from web pages by accident."""

SECRET: Final = "secret"
"""The type of pydantic's errors about secrets."""

_noted: Final[ContextVar[set[Path] | None]] = ContextVar("noted", default=None)
"""Where the names of files are collected. Not an argument, as pydantic is between the two."""

_HOW: Final = 'write { env = "NAME" } or { file = "path" }'


class Secret:
    """A password or a token, from the environment or a file; never shown.

    In TOML it is ``{ env = "NAME" }`` or ``{ file = "path" }``; a relative path starts at the
    directory of the configuration file. It is read when the configuration is read.
    """

    __slots__ = ("value", "warning")

    def __init__(self, value: str, warning: str = "") -> None:
        self.value = value
        """The secret itself, without a byte order mark and line ends."""
        self.warning = warning
        """The probable mistake, human-readable, without the secret; empty if there is none."""

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def matches(self, text: str) -> bool:
        """Whether ``text`` is the secret; takes the same time either way."""
        return hmac.compare_digest(
            self.value.encode(errors="surrogatepass"), text.encode(errors="surrogatepass")
        )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _read_secret,
            json_schema_input_schema=core_schema.union_schema(
                [_table_of("env"), _table_of("file")]
            ),
        )


def _table_of(key: str) -> CoreSchema:
    """A table with one text, as it is written in TOML."""
    text = core_schema.typed_dict_field(core_schema.str_schema(), required=True)
    return core_schema.typed_dict_schema({key: text}, extra_behavior="forbid")


def _read_secret(value: object, info: ValidationInfo) -> Secret:
    if isinstance(value, Secret):
        return value
    try:
        match value:
            case {"env": str(name), **rest} if not rest:
                return _from_environment(name)
            case {"file": str(name), **rest} if not rest:
                return _from_file(_resolve(name, info))
        raise ValueError(f"a secret must not be written in the configuration; {_HOW}")
    except ValueError as error:
        # Its own type of error, because the value must not be shown.
        raise PydanticCustomError(SECRET, "{text}", {"text": str(error)}) from None


def _from_environment(name: str) -> Secret:
    found = os.environ.get(name)
    if found is None:
        raise ValueError(f"environment variable {name!r} is not set; set it")
    return _secret(os.fsencode(found), f"environment variable {name!r}")


def _from_file(path: Path) -> Secret:
    try:
        data = read_limited(path, MAX_SECRET + 1)
    except OSError as error:
        raise ValueError(f"{path}: {_why(error)}") from None
    return _secret(data, str(path))


def _secret(data: bytes, where: str) -> Secret:
    """The secret in the content of a file or a variable. Raises ``ValueError``."""
    if len(data) > MAX_SECRET:
        raise ValueError(f"{where} is longer than {MAX_SECRET} bytes")
    if data.startswith(_UTF_16):
        raise ValueError(f"{where} is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{where} is not UTF-8") from None
    if not text:
        raise ValueError(f"{where} is empty")
    if "\n" in text or "\r" in text:
        raise ValueError(f"{where} has several lines; a secret is one line")
    for position, character in enumerate(text, 1):
        if unicodedata.category(character) == "Cc":
            code = f"U+{ord(character):04X}"
            text = f"{where} contains the control character {code} at position {position}"
            raise ValueError(f"{text}; remove it")
    return Secret(text, _warning(text, where))


def _warning(text: str, where: str) -> str:
    """What a secret has around it that probably does not belong to it."""
    if text != text.strip():
        return f"{where} begins or ends with a blank, which is part of the secret; remove it"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        return f"{where} has quotes around it, which are part of the secret; remove them"
    for position, character in enumerate(text, 1):
        if unicodedata.category(character) in _INVISIBLE:
            code = f"U+{ord(character):04X}"
            return f"{where} contains the invisible character {code} at position {position}"
    return ""


def secret_warnings(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """The warnings of all secrets in a model, or in a value of it, with their paths."""
    match value:
        case Secret():
            if value.warning:
                yield path, value.warning
        case BaseModel():
            for key, field in type(value).model_fields.items():
                yield from secret_warnings(getattr(value, key), (*path, field.alias or key))
        case tuple() | list():
            for index, item in enumerate(value):
                yield from secret_warnings(item, (*path, index))
        case dict():
            for key, item in value.items():
                yield from secret_warnings(item, (*path, str(key)))


def _read_file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("expected the name of a file, in quotes")
    path = _resolve(value, info)
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.read(1)
    except OSError as error:
        raise ValueError(_why(error)) from None
    except ValueError:
        raise ValueError("not a valid file name") from None
    if size > MAX_FILE:
        raise ValueError(f"larger than {MAX_FILE} bytes; name another file")
    return path


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return what_failed(error)


def _resolve(name: str | Path, info: ValidationInfo) -> Path:
    context: Mapping[str, object] = info.context or {}
    directory = context.get("directory")
    try:
        path = Path(name).expanduser()
    except RuntimeError:
        path = Path(name)
    return note_file((directory if isinstance(directory, Path) else Path()).absolute() / path)


def note_file(path: Path) -> Path:
    """Note a file that an option names, so that ``[run] watch`` watches it. Returns it."""
    if (noted := _noted.get()) is not None:
        noted.add(path.absolute())
    return path


@contextmanager
def noted_files() -> Iterator[set[Path]]:
    """Collects the files that are read as secrets or certificates meanwhile, or should be."""
    found: set[Path] = set()
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def _read_folder(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("expected the name of a folder, in quotes")
    path = _resolve(value, info)
    try:
        with os.scandir(path):
            pass
    except OSError as error:
        raise ValueError(f"{path}: {_why(error)}") from None
    except ValueError:
        raise ValueError("not a valid name") from None
    return path


Folder: TypeAlias = Annotated[Path, BeforeValidator(_read_folder, json_schema_input_type=str)]
"""A readable folder; a relative path starts at the directory of the configuration file."""

File: TypeAlias = Annotated[Path, BeforeValidator(_read_file, json_schema_input_type=str)]
"""A readable file of at most 16 MiB; a relative path starts at the directory of the configuration
file. A pipe or a device is not a file."""
