"""Finds a ``leader`` of ``[run]`` whose endpoint can grant no lease."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from oscbridge.bridge.broken_endpoint import BrokenEndpoint
from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, show
from oscbridge.bridge.config.process_models import LeaderOptions
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.contract.lease import GrantsLeases
from oscbridge.failures import failure_text
from oscbridge.suggestions import suggest

__all__ = ["leader_problems"]

_PATH: Final[KeyPath] = ("run", "leader", "endpoint")


def leader_problems(
    leader: LeaderOptions | None, names: Collection[str], endpoints: Mapping[str, EndpointEntry]
) -> Iterator[ConfigProblem]:
    """The problem of a leader, if it has one.

    ``names`` are those of all endpoints, also of those whose options are not valid.
    """
    if leader is None:
        return
    granting = [name for name, each in endpoints.items() if issubclass(each.factory, GrantsLeases)]
    if leader.endpoint not in names:
        text = f"unknown endpoint; {suggest(leader.endpoint, granting)}"
        yield ConfigProblem(_PATH, text, show(leader.endpoint))
    elif (entry := endpoints.get(leader.endpoint)) is not None and (text := _problem(entry)):
        yield ConfigProblem(_PATH, text, show(leader.endpoint))


def _problem(entry: EndpointEntry) -> str:
    """Why an endpoint can grant no lease, and how to fix it; empty if it can."""
    if issubclass(entry.factory, BrokenEndpoint):
        return ""  # reported already
    if not issubclass(entry.factory, GrantsLeases):
        fix = "name an endpoint of a type that does, e.g. nats"
        return f"type {entry.type_name} grants no leases; {fix}"
    if entry.runner.on_start == "ignore":
        return 'not with on_start = "ignore": without it neither bridge delivers; use "retry"'
    try:
        return str(entry.factory.lease_problem(entry.options))
    except Exception as error:  # of a plugin
        return f"{entry.factory.__name__}.lease_problem failed: {failure_text(error)}"
