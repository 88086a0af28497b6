"""Rules about the class of an endpoint, and about an endpoint that is not connected."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from oscbridge.bridge.config.secrets import Secret
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.option_docs import option_docs
from oscbridge.errors import EndpointError
from oscbridge.failures import defined_at, failure_text
from oscbridge.plugins.endpoint_types import problem_with_offer
from oscbridge.testing.conformance.checked_type import RuleFailed
from oscbridge.testing.conformance.leftovers import OpenResources
from oscbridge.testing.conformance.rule import Rule
from oscbridge.testing.conformance.run import RuleRun

__all__ = ["CLASS_RULES", "LOADS"]


async def _loads(run: RuleRun) -> None:
    problem = problem_with_offer({run.subject.type_name: run.kind})
    if problem:
        raise RuleFailed(problem)


async def _documented(run: RuleRun) -> None:
    for model in (run.kind.options_type, run.kind.route_options_type):
        if model is not None:
            for each in _models(model, set()):
                _check_descriptions(each)


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """A model, and those of the tables in it."""
    if model in seen:
        return
    seen.add(model)
    model.model_rebuild()
    yield model
    for option in model.model_fields.values():
        for part in _parts(option.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _models(part, seen)


def _parts(annotation: object) -> Iterator[object]:
    """A type, and the types that it is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _check_descriptions(model: type[BaseModel]) -> None:
    docs = option_docs(model)
    bare = [name for name in model.model_fields if not docs.get(name, "").strip()]
    if bare:
        names = ", ".join(repr(model.model_fields[name].alias or name) for name in bare)
        what = "the option" if len(bare) == 1 else "these options"
        raise RuleFailed(
            f"without a description: {what} of {model.__name__}: {names}; write a docstring below "
            f'each, e.g. """Seconds between two readings.""" ({_place_of_field(model, bare[0])})'
        )


def _place_of_field(model: type[BaseModel], name: str) -> str:
    """``FILE:LINE`` where a field is declared, or else its class."""
    for base in model.__mro__:
        try:
            lines, first = inspect.getsourcelines(base)
        except (OSError, TypeError):
            continue
        for number, line in enumerate(lines, first):
            if line.strip().startswith(f"{name}:"):
                return f"{inspect.getsourcefile(base)}:{number}"
    return defined_at(model)


async def _construction(run: RuleRun) -> None:
    run.peer = run.subject.new_peer()
    run.subject.make_options(run.peer)  # imports, and reads files, for the first time
    before = OpenResources.take()
    run.recorder.openings.clear()
    checked = run.new_endpoint()
    await asyncio.sleep(0)
    for opening in run.recorder.openings:
        where = opening.place or defined_at(run.kind.__init__)
        raise RuleFailed(
            f"making {run.kind.__name__} opens {opening.what} ({where}); open it in connect()"
        )
    await run.expect_nothing_left(before, f"after making {run.kind.__name__}")
    del checked


async def _describe(run: RuleRun) -> None:
    run.peer = run.subject.new_peer()
    _expect_no_secret(run)
    checked = run.new_endpoint()
    describe(checked.endpoint, "before connect")
    try:
        await checked.connect()
        describe(checked.endpoint, "while it is connected")
    except (OSError, EndpointError):
        describe(checked.endpoint, "after a failed connect")
    await checked.close()
    describe(checked.endpoint, "after close")
    if run.peer is not None:
        await run.start_peer()
        checked = await run.connected()
        describe(checked.endpoint, "while it is connected")
        await run.peer.kill()
        await asyncio.sleep(0.05)
        describe(checked.endpoint, "after its peer ended")
        await checked.close()


def _expect_no_secret(run: RuleRun) -> None:
    """Fill each secret among the options, and look for it in the text."""
    options = run.subject.make_options(run.peer)
    secrets = {
        name: Secret(f"secret-{name}-4f1c")
        for name, field in type(options).model_fields.items()
        if field.annotation in (Secret, Secret | None) and not field.metadata
    }
    try:
        endpoint = run.kind("checked", options.model_copy(update=secrets))
    except BaseException:
        return  # another rule is about that
    text = describe(endpoint, "before connect")
    for name, secret in secrets.items():
        if secret.value in text:
            raise RuleFailed(
                f"{run.kind.__name__}.describe shows the secret {name!r}, and ends up in logs; "
                f"leave it out ({defined_at(run.kind.describe)})"
            )


def describe(endpoint: AnyEndpoint, when: str) -> str:
    """What an endpoint says where it is. Raises :class:`RuleFailed` if that is not text."""
    kind = type(endpoint)
    try:
        text: object = endpoint.describe()
    except BaseException as error:
        raise RuleFailed(f"{when}, describe raises {failure_text(error)}") from error
    if not isinstance(text, str):
        place = defined_at(kind.describe)
        raise RuleFailed(f"{when}, {kind.__name__}.describe returns {text!r}, not text ({place})")
    return text


LOADS = Rule("loads", "the plugin can be loaded, and its class used", _loads)

CLASS_RULES = (
    LOADS,
    Rule("documented", "every option has a description", _documented),
    Rule("construction", "making an endpoint opens nothing", _construction),
    Rule("describe", "describe() always returns text", _describe),
)
