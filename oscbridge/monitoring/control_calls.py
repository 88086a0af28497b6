"""Requests to a running process that have one answer: health, status, mute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_client import (
    ANSWER_TIMEOUT,
    RELOAD_TIMEOUT,
    RunningProcess,
    ask,
)

__all__ = [
    "ChangedBack",
    "Health",
    "KnownAddresses",
    "KnownVersion",
    "RouteState",
    "addresses",
    "health",
    "history",
    "mute",
    "redo",
    "routes",
    "undo",
]


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


class KnownAddresses(NamedTuple):
    """Addresses that a process knows."""

    addresses: Sequence[Mapping[str, object]]
    """Those that were asked for, as JSON."""
    total: int
    """The number of those that were asked for, without the limit."""
    known: int
    """The number of all."""
    ignored: Mapping[str, int]
    """Entries left out or cut because of limits, by reason."""
    conflicts: Mapping[str, str]
    """Addresses with contradictory type tags, and what they are said to be."""
    conflict_count: int
    """The number of these."""


class KnownVersion(NamedTuple):
    """A saved edit of the configuration."""

    number: int
    time: float
    """Unix time."""
    summary: str
    undone: bool
    diff: str


class ChangedBack(NamedTuple):
    """The result of an undo or a redo."""

    text: str
    """The changes, human-readable."""
    problems: Sequence[str]
    diff: str


EDIT_TIMEOUT: Final = 30.0
"""Seconds for an answer that needs the disk, which may be a network drive."""


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


async def history(process: RunningProcess) -> list[KnownVersion]:
    """The saved edits of the configuration of a process, the newest first."""
    async with ask(process.socket, {"command": "history"}, EDIT_TIMEOUT) as batches:
        async for answer, *_ in batches:
            return [KnownVersion(**each) for each in answer["versions"]]
    raise OSCBridgeError("the bridge has stopped")


async def undo(process: RunningProcess, number: int | None, *, and_later: bool) -> ChangedBack:
    """Undo a saved edit, by default the last one. Raises :class:`OSCBridgeError`."""
    request = {"command": "undo", "number": number, "and_later": and_later}
    return await _change_back(process, request)


async def redo(process: RunningProcess, number: int | None) -> ChangedBack:
    """Make an undone edit again. Raises :class:`OSCBridgeError`."""
    return await _change_back(process, {"command": "redo", "number": number})


async def _change_back(process: RunningProcess, request: Mapping[str, object]) -> ChangedBack:
    async with ask(process.socket, request, RELOAD_TIMEOUT) as batches:
        async for answer, *_ in batches:
            return ChangedBack(**answer)
    raise OSCBridgeError("the bridge has stopped")


async def addresses(process: RunningProcess, **selection: object) -> KnownAddresses:
    """The known addresses of a process; for ``selection`` see the control server.

    Raises :class:`ConfigurationError` for an unknown name or an invalid pattern.
    """
    found: list[Mapping[str, object]] = []
    async with ask(process.socket, {"command": "addresses", **selection}) as batches:
        async for batch in batches:
            for answer in batch:
                if "addresses" not in answer:
                    return KnownAddresses(found, **answer)
                found += answer["addresses"]
    raise OSCBridgeError("the bridge has stopped")


async def routes(process: RunningProcess) -> list[RouteState]:
    """The routes of a process, in the order of its file."""
    async with ask(process.socket, {"command": "status"}) as batches:
        async for answer, *_ in batches:
            found = answer["status"]["routes"]
            return [RouteState(*(each[key] for key in RouteState._fields)) for each in found]
    raise OSCBridgeError("the bridge has stopped")
