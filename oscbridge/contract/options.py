"""The base of all option models."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from typing_extensions import TypeVar

from oscbridge.contract.option_docs import option_docs

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from oscbridge.net.url import HostPort

__all__ = ["NARROWING", "Options", "OptionsT"]

NARROWING: Final = "_reject_true_as_number"
"""The validator of all fields, which changes nothing in the schema of a field."""


class Options(BaseModel):
    """Base of every model of options: typed, frozen, and an unknown key is an error.

    The docstring of a field is its documentation.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,  # models that a configuration does not use cost nothing at the start
    )

    renamed_keys: ClassVar[Mapping[str, str]] = {}
    """Current names of keys by their former names, e.g. ``{"outbox": "queue"}``.

    A former name is an error that names the current one; ``oscbridge check --fix`` renames it.
    """

    moved_keys: ClassVar[Mapping[str, str]] = {}
    """Names of keys of the table around this one by their former names in this one.

    A former key is an error that names the current one; ``oscbridge check --fix`` moves it.
    """

    token_keys: ClassVar[Collection[str]] = ()
    """Former keys of tokens of its own, which are tables ``[[token]]`` now.

    Each is an error that says so; ``oscbridge check --fix`` moves it.
    """

    protected_keys: ClassVar[Collection[str]] = ()
    """Keys that the control room may not change, unless ``[http] allow_code`` allows it.

    For what runs code or opens files. Keys of the type ``Path`` are protected without it.
    """

    device_keys: ClassVar[Collection[str]] = ()
    """Keys that name a device of this machine.

    The control room may set a path there only if discovery lists the device.
    """

    @classmethod
    def allowed_values(cls, key: str) -> Collection[str]:
        """The values of a protected key that the control room may set nevertheless."""
        return ()

    def config_warnings(self) -> Sequence[str]:
        """Valid but probably unintended settings, as sentences that say how to change them.

        Each is logged at ``check``, at the start and at a reload.
        """
        return ()

    def udp_listen(self) -> HostPort | Collection[HostPort] | None:
        """Where it receives datagrams, if it does beside what the key ``listen`` is about.

        One place or several.

        ``check`` and reloads find conflicts with other parts that listen there.
        """
        return None

    def certificates(self) -> Mapping[str, Path]:
        """The PEM files of its certificates, by key.

        The bridge warns before they expire, shows when that is, and reports new ones at a reload.
        """
        return {}

    @field_validator("*", mode="before")
    @classmethod
    def _reject_true_as_number(cls, value: object, info: ValidationInfo) -> object:
        """``true`` is not a number, although it is one in Python."""
        if isinstance(value, bool) and info.field_name is not None:
            types = set(_types_in(cls.model_fields[info.field_name].annotation))
            if not types.isdisjoint((int, float)) and bool not in types:
                raise ValueError("expected a number")
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in option_docs(cls).items():
            for key in {name, cls.model_fields[name].alias or name} & properties.keys():
                properties[key]["description"] = text
        return schema

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        keys = {field.alias or name for name, field in cls.model_fields.items()}
        for key in (*cls.protected_keys, *cls.device_keys):
            if key not in keys:
                raise TypeError(f"{cls.__qualname__}.protected_keys: unknown key {key!r}")
        for old, new in cls.renamed_keys.items():
            if new not in keys or old in keys:
                raise TypeError(f"{cls.__qualname__}.renamed_keys: {old!r} cannot become {new!r}")


def _types_in(annotation: object) -> Iterator[object]:
    """The types that the annotation of a field joins."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types_in(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _types_in(part)
    else:
        yield annotation


OptionsT = TypeVar("OptionsT", bound=Options, default=Options)
