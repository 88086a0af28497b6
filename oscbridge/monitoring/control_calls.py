"""Requests to a running process that have one answer: health, status, mute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_client import ANSWER_TIMEOUT, RunningProcess, ask

__all__ = ["Health", "RouteState", "health", "mute", "routes"]


class RouteState(NamedTuple):
    """A route, and whether messages pass it."""

    number: int
    name: str
    match: str
    sources: Sequence[str]
    to: Sequence[str]
    enabled: bool
    muted: bool


class Health(NamedTuple):
    """Whether a process is ready."""

    problems: list[str]
    """Why it is not, the gravest first; empty if it is ready."""
    warnings: list[str]
    """What fails although it may be ready."""


async def health(process: RunningProcess, timeout: float = ANSWER_TIMEOUT) -> Health:
    """Whether a process is ready.

    Raises :class:`OSCBridgeError` if it does not answer within ``timeout`` seconds.
    """
    async with ask(process.socket, {"command": "health"}, timeout) as batches:
        async for answer, *_ in batches:
            problems, warnings = answer["problems"], answer.get("warnings", ())
            return Health(list(map(str, problems)), list(map(str, warnings)))
    raise OSCBridgeError("the bridge has stopped")


async def mute(process: RunningProcess, names: Sequence[str], on: bool) -> list[str]:
    """Mute routes of a process or unmute them. Returns those that have changed, in words.

    Raises :class:`ConfigurationError` for an unknown name; then nothing has changed.
    """
    request = {"command": "mute", "names": list(names), "on": on}
    async with ask(process.socket, request) as batches:
        async for answer, *_ in batches:
            return [str(each) for each in answer["changed"]]
    raise OSCBridgeError("the bridge has stopped")


async def routes(process: RunningProcess) -> list[RouteState]:
    """The routes of a process, in the order of its file."""
    async with ask(process.socket, {"command": "status"}) as batches:
        async for answer, *_ in batches:
            found = answer["status"]["routes"]
            return [RouteState(*(each[key] for key in RouteState._fields)) for each in found]
    raise OSCBridgeError("the bridge has stopped")
