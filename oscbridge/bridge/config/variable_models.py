"""The table of variables: its models and its problems."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.problem import ConfigProblem, show
from oscbridge.bridge.config.process_models import RunOptions
from oscbridge.bridge.config.state_path import state_directory
from oscbridge.bridge.routes.variables import MAX_VARIABLES, Value, Variable, value_problem
from oscbridge.contract.options import Options

__all__ = ["VariableOptions", "read_variables", "state_file"]

MAX_NAME: Final = 64
"""Characters of the name of a variable."""


def _value(value: object) -> object:
    if problem := value_problem(value):
        raise ValueError(problem)
    return value


class VariableOptions(Options):
    """``[variables]``: the initial value of each variable, or a table with it."""

    value: Annotated[Value, BeforeValidator(_value, json_schema_input_type=Value)]
    """The initial value: ``true``, ``false``, a number, or text. The variable keeps its kind."""
    persist: bool = False
    """Whether the value is kept in a file (``state`` of ``[run]``) and survives a restart."""


def read_variables(raw: object, problems: list[ConfigProblem]) -> dict[str, Variable | None]:
    """The variables of a configuration, None for an invalid one. Its problems are added."""
    if not isinstance(raw, Mapping):
        text = "expected a table; write [variables], and in it e.g. armed = false"
        problems.append(ConfigProblem(("variables",), text, show(raw)))
        return {}
    if len(raw) > MAX_VARIABLES:
        text = f"{len(raw)} variables; at most {MAX_VARIABLES} are allowed"
        problems.append(ConfigProblem(("variables",), text))
        return {}
    problems += _name_problems(raw)
    found: dict[str, Variable | None] = dict.fromkeys(raw)
    for name, value in raw.items():
        place = ("variables", name)
        if isinstance(value, Mapping):
            options = validate(problems, VariableOptions, value, place)
            if options is not None:
                found[name] = Variable(options.value, options.persist)
        elif problem := value_problem(value):
            problems.append(ConfigProblem(place, problem, show(value)))
        else:
            found[name] = Variable(value)
    return found


def state_file(
    variables: Mapping[str, Variable | None],
    run: RunOptions,
    configuration: str,
    problems: list[ConfigProblem],
) -> Path | None:
    """The file of the variables that persist; None if none does. Problems are added.

    ``configuration`` is the path of the configuration file, empty if there is none.
    """
    if not any(each is not None and each.persist for each in variables.values()):
        return None
    path = run.state
    if path is None:
        try:
            return state_directory() / f"{Path(configuration).stem or 'oscbridge'}.variables"
        except RuntimeError:
            text = "missing key; the default requires a home directory"
            problems.append(ConfigProblem(("run", "state"), text))
            return None
    if configuration and path.resolve() == Path(configuration).resolve():
        text = "this is the configuration file; choose another file"
        problems.append(ConfigProblem(("run", "state"), text, show(str(path))))
    return path


def _name_problems(names: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    for name in names:
        if not name.isascii() or not name.isidentifier() or len(name) > MAX_NAME:
            fix = f"use up to {MAX_NAME} letters a-z, digits and '_', and a letter first"
        elif keyword.iskeyword(name):
            fix = f"{name!r} is a word of expressions; rename it"
        else:
            continue
        yield ConfigProblem(("variables", name), f"invalid name; {fix}")
