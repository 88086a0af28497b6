"""Requests of ``oscbridge learn`` to the control socket: a session, as a stream of its states."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from oscbridge.errors import ConfigurationError
from oscbridge.learning.json_form import proposal_json, state_json
from oscbridge.monitoring.control_requests import BadRequest, Request
from oscbridge.monitoring.operations import Operations

__all__ = ["answer_learn"]

INTERVAL: Final = 0.1
"""Seconds between two looks at moved controls."""


async def answer_learn(
    request: Request, operations: Operations
) -> AsyncIterator[Mapping[str, object]]:
    """The states of a session while they change, then the proposal.

    With ``target`` and ``address`` the target is not moved but named. Raises
    :class:`ConfigurationError`.
    """
    target, address = _text(request, "target"), _text(request, "address")
    name, both = _text(request, "name"), request.get("both", False) is True
    if bool(target) != bool(address):
        raise BadRequest("target and address: set both, or none")
    session = operations.learn()
    try:
        if target:
            session.choose_target(target, address)
        last: Mapping[str, object] = {}
        while True:
            state = session.update()
            found = state_json(state)
            if found != last:
                yield {"learning": found}
                last = found
            if state.waiting_for is None:
                yield {"proposal": proposal_json(session.proposal(both=both, name=name))}
                return
            await asyncio.sleep(INTERVAL)
    finally:
        session.close()


def _text(request: Request, key: str) -> str:
    value = request.get(key) or ""
    if not isinstance(value, str) or len(value) > 512:
        raise ConfigurationError(f"{key}: expected a text of at most 512 characters")
    return value
