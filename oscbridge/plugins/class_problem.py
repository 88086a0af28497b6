"""Finds problems of endpoint classes before they are used."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, get_args

from oscbridge.failures import defined_at, failure_text

if TYPE_CHECKING:  # endpoints need pydantic, which loads slowly: only if there is one
    from oscbridge.contract.endpoint import AnyEndpoint

__all__ = ["class_problem"]

_COROUTINES: Final[Mapping[str, tuple[str, ...]]] = {
    "connect": (),
    "send": ("message",),
    "send_batch": ("messages",),
    "close": (),
}
_FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "__init__": ("name", "options"),
    "describe": (),
}
"""The methods that the bridge calls, with their arguments."""


def class_problem(factory: type[AnyEndpoint]) -> str:
    """The problem with an endpoint class, in one line with its place, or ``""``."""
    problem = _choice_problem(factory)
    for name, arguments in {**_COROUTINES, **_FUNCTIONS}.items():
        problem = problem or _method_problem(factory, name, arguments)
    if problem:
        return problem
    factory.is_sink()  # if it raises, then now
    return _options_problem(factory)


def _method_problem(factory: type[AnyEndpoint], name: str, arguments: tuple[str, ...]) -> str:
    method: object = getattr(factory, name)
    own = f"{factory.__name__}.{name}"
    if not callable(method):
        return f"{own} must be a method, got {method!r} ({defined_at(factory)})"
    is_coroutine = inspect.iscoroutinefunction(inspect.unwrap(method))
    if is_coroutine != (name in _COROUTINES):
        wanted, place = "def" if is_coroutine else "async def", defined_at(method)
        return f"{own} must be {wanted!r} ({place})"
    try:
        inspect.signature(method).bind(factory, *arguments)
    except TypeError as error:
        wanted = ", ".join(("self", *arguments))
        return f"{own} must take the arguments ({wanted}): {error} ({defined_at(method)})"
    except ValueError:
        pass  # e.g. written in C: it has no signature
    return ""


def _choice_problem(factory: type[AnyEndpoint]) -> str:
    from oscbridge.contract.endpoint import OnStart, Policy

    for name, choices in (("policy", get_args(Policy)), ("on_start", get_args(OnStart))):
        value: object = getattr(factory, name)
        if value not in choices:
            available = ", ".join(choices)
            where = defined_at(factory)
            return f"{factory.__name__}.{name} = {value!r}; available: {available} ({where})"
    return ""


def _options_problem(factory: type[AnyEndpoint]) -> str:
    from oscbridge.bridge.config.endpoint_models import HostOptions

    reserved = {"type", *HostOptions.model_fields}
    for key, option in factory.options_type.model_fields.items():
        if (option.alias or key) in reserved:
            place = defined_at(factory.options_type)
            return f"the bridge has the key {key!r} itself; rename the option ({place})"
    for model in (factory.options_type, factory.route_options_type):
        if model is not None:
            try:
                model.model_rebuild()  # it is built when it is first needed: now
            except Exception as error:
                return f"{model.__name__}: {failure_text(error)} ({defined_at(model)})"
    return ""
