"""What is wrong with a configuration, in words: where, which value, what, and the mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from oscbridge.bridge.config.secrets import SECRET

__all__ = ["choices", "explain", "nearest", "path_of", "show", "validate"]

_Model = TypeVar("_Model", bound=BaseModel)

LONGEST: Final = 80
"""Characters of a value that are shown."""


def explain(
    fault: ErrorDetails, model: type[BaseModel], where: str, also: Sequence[str] = ()
) -> str:
    """One fault of a model that is read at ``where``, in one line.

    ``also`` are keys that stand beside the model's own.
    """
    location = list(fault["loc"])
    if not location:  # of the table as a whole
        return f"{where}: {_what(fault)}"
    place = _place(where, location)
    if fault["type"] == "extra_forbidden":
        known = [*_keys(_inner(model, location[:-1])), *(also if len(location) == 1 else ())]
        return f"{place}: unknown key; {choices(str(location[-1]), known, 'known keys')}"
    if fault["type"] == "missing":
        return f"{place}: this key is missing"
    if fault["type"] == SECRET:
        return f"{place}: {_what(fault)}"
    value = fault["input"]
    text = f"{place} = {show(value)}: {_what(fault)}"
    if fault["type"] == "value_error":
        return text  # it says the mend itself
    near = ""
    if fault["type"] == "literal_error" and isinstance(value, str):
        near = nearest(value, re.findall("'([^']*)'", fault["ctx"]["expected"]))
    return f"{text}; {near or _default(model, location)}".removesuffix("; ")


def validate(
    faults: list[str],
    model: type[_Model],
    table: Mapping[str, Any],
    where: str,
    also: type[BaseModel] | None = None,
    directory: Path | None = None,
    captures: Sequence[str] | None = None,
) -> _Model | None:
    """A model of the table at ``where``, or None and its faults.

    ``also`` has keys that stand beside the model's own; names of files begin at ``directory``;
    ``captures`` are the names that the match of a route offers, if they are known.
    """
    try:
        context = {"directory": directory, "captures": captures}
        return model.model_validate(table, context=context)
    except ValidationError as error:
        keys = () if also is None else tuple(also.model_fields)
        faults += [explain(fault, model, where, keys) for fault in error.errors()]
        return None


_TEXTS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "value_error": lambda ctx: str(ctx["error"]),
    "string_type": lambda _: "expected text in quotes",
    "bool_type": lambda _: "expected true or false",
    "bool_parsing": lambda _: "expected true or false",
    "int_type": lambda _: "expected a whole number",
    "int_parsing": lambda _: "expected a whole number",
    "int_from_float": lambda _: "expected a whole number",
    "float_type": lambda _: "expected a number",
    "float_parsing": lambda _: "expected a number",
    "tuple_type": lambda _: "expected a list, in brackets",
    "list_type": lambda _: "expected a list, in brackets",
    "literal_error": lambda ctx: f"expected {ctx['expected']}",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
}
"""The words for pydantic's types of faults; for others pydantic's own words will do."""


def _what(fault: ErrorDetails) -> str:
    words = _TEXTS.get(fault["type"])
    if words is None:
        return fault["msg"][:1].lower() + fault["msg"][1:]
    return words(fault.get("ctx", {}))


def _default(model: type[BaseModel], location: Sequence[int | str]) -> str:
    """The default of a key, as a sample of what is right."""
    if isinstance(location[-1], int):  # an item of a list
        return _default(model, location[:-1])
    inner = _inner(model, location[:-1])
    if inner is None:
        return ""
    for key, field in inner.model_fields.items():
        if (field.alias or key) == location[-1] and not field.is_required():
            default = field.get_default(call_default_factory=True, validated_data={})
            if default is None:
                return ""
            return f"the default is {_toml(default)}"
    return ""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if type(value) in (tuple, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"  # type: ignore[attr-defined]
    return f'"{value}"'


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [field.alias or key for key, field in model.model_fields.items()]


def _inner(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel] | None:
    """The model of a table within a table, if it can be told."""
    for key in location:
        if isinstance(key, int):
            continue  # an item of a list of tables
        field = model.model_fields.get(str(key))
        inner = [] if field is None else list(_models(field.annotation))
        if len(inner) != 1:
            return None
        model = inner[0]
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation: of a table, of items of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _place(where: str, location: Sequence[int | str]) -> str:
    """``bridge.stage.listen``, ``route 1: from``, ``route 1: midi.channel``.

    What stands in a list is counted from 1, as routes are.
    """
    key = path_of(location)
    return f"{where}: {key}" if _ROUTE.fullmatch(where) else f"{where}.{key}"


def path_of(location: Sequence[int | str]) -> str:
    """The keys and the places in lists on the way to a value; places are counted from 1."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in location)


_ROUTE: Final = re.compile(r"route \d+")


def show(value: object) -> str:
    """A value, cut if it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """A question after the name that was meant, or nothing."""
    found = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {found[0]!r}?" if found else ""


def choices(word: str, known: Iterable[str], title: str) -> str:
    """The name that was meant, or all there are."""
    known = list(known)
    return nearest(word, known) or f"{title}: {', '.join(sorted(known)) or 'none'}"
