"""The request that lists or sets variables."""

from __future__ import annotations

from collections.abc import Mapping

from oscbridge.bridge.routes.variables import Variables
from oscbridge.monitoring.control_requests import BadRequest, Request
from oscbridge.suggestions import suggest

__all__ = ["answer_set"]

MAX_SHOWN = 80
"""Characters of a name that is shown."""


def answer_set(request: Request, variables: Variables) -> Mapping[str, object]:
    """Set a variable, or without a name answer all values. Raises :class:`BadRequest`."""
    name, value, text = (request.get(key) for key in ("name", "value", "text"))
    if name is None:
        return {"variables": variables.snapshot()}
    if not isinstance(text, str | None):
        raise BadRequest("text: expected a text")
    try:
        return {"variables": {name: variables.set(str(name), value, text)}}
    except KeyError:
        known = variables.snapshot()
        fix = suggest(str(name), known) if known else "add it to [variables]"
        raise BadRequest(f"{str(name)[:MAX_SHOWN]!r}: no such variable; {fix}") from None
    except ValueError as error:
        raise BadRequest(f"{name}: {error}") from None
