"""Values that a configuration refers to: secrets, and files by their names."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from oscbridge.net.os_errors import what_failed

__all__ = ["SECRET", "File", "Folder", "Secret"]

MAX_SECRET: Final = 65_536
"""Bytes of a secret, at most."""

SECRET: Final = "secret"
"""The type of pydantic's errors about secrets."""

_HOW: Final = 'write { env = "NAME" } or { file = "path" }'


class Secret:
    """A password or a token, from the environment or a file; never shown.

    In TOML it is ``{ env = "NAME" }`` or ``{ file = "path" }``; a relative path starts at the
    directory of the configuration file. It is read when the configuration is read.
    """

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value
        """The secret itself, without a newline at the end of the file."""

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
        return core_schema.with_info_plain_validator_function(_read_secret)


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
    return _secret(found, f"environment variable {name!r}")


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SECRET + 1).decode()
    except OSError as error:
        raise ValueError(f"{path}: {_why(error)}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8") from None
    return _secret(text.removesuffix("\n").removesuffix("\r"), str(path))


def _secret(text: str, where: str) -> Secret:
    if not text:
        raise ValueError(f"{where} is empty")
    if len(text) > MAX_SECRET:
        raise ValueError(f"{where} is longer than {MAX_SECRET} bytes")
    return Secret(text)


def _read_file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("expected the name of a file, in quotes")
    path = _resolve(value, info)
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(_why(error)) from None
    except ValueError:
        raise ValueError("not a valid file name") from None
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
    return (directory if isinstance(directory, Path) else Path()).absolute() / path


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


Folder: TypeAlias = Annotated[Path, BeforeValidator(_read_folder)]
"""A readable folder; a relative path starts at the directory of the configuration file."""

File: TypeAlias = Annotated[Path, BeforeValidator(_read_file)]
"""A readable file; a relative path starts at the directory of the configuration file."""
