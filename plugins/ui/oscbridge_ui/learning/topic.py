"""A learning session of one page, and what the page sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import JsonValue

from oscbridge import ConfigurationError
from oscbridge.monitoring import Candidate, LearningState, Operations, Proposal, RouteEnd
from oscbridge_ui.editing.messages import AddEdit, ChangeEdit, EditWanted
from oscbridge_ui.learning.messages import (
    LearningCandidate,
    LearningEnd,
    LearningProposal,
    LearningStatus,
    LearnOptions,
)
from oscbridge_ui.topic import Topic

__all__ = ["LearningTopic"]

INTERVAL: Final = 0.1
"""Seconds between two looks at moved controls."""


class LearningTopic(Topic):
    """Looks for moved controls, from its creation until it is closed."""

    def __init__(self, operations: Operations, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.session = operations.learn()
        self._options = LearnOptions(type="learn_options", id=0)
        self._status: LearningStatus | None = None
        self._sent: LearningStatus | None = None
        self._task = asyncio.create_task(self._run())

    def take(self) -> LearningStatus | None:
        if self._status is self._sent:
            return None
        self._sent = self._status
        return self._status

    def close(self) -> None:
        self._task.cancel()
        self.session.close()

    def use_options(self, options: LearnOptions) -> None:
        """Propose something else."""
        self._options = options
        self.look()

    async def _run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(INTERVAL)

    def look(self) -> None:
        """Look for moved controls, and tell the page if that is new."""
        state: LearningState = self.session.update()
        status = LearningStatus(
            waiting_for=state.waiting_for,
            listening=round(state.listening, 1),
            candidates=tuple(map(_candidate, state.candidates)),
            ignored=state.ignored,
            source=_end(state.source),
            target=_end(state.target),
            both=self._options.both,
            proposal=None if state.waiting_for else self._proposal(),
        )
        if status != self._status:
            self._status = status
            self._wake()

    def _proposal(self) -> LearningProposal:
        try:
            found = self.session.proposal(both=self._options.both, name=self._options.name)
        except ConfigurationError as error:
            return LearningProposal(error=str(error), name=self._options.name)
        return LearningProposal(
            name=found.name, notes=found.notes, toml=found.toml, edits=tuple(_edits(found))
        )


def _candidate(found: Candidate) -> LearningCandidate:
    return LearningCandidate(
        key=str(found.key),
        part=found.key.part,
        address=found.text,
        title=found.facts.title,
        types=found.activity.types,
        why=found.why,
        share=round(found.share, 2),
        is_moving=found.is_moving,
        encoder=found.mode or "",
    )


def _end(end: RouteEnd | None) -> LearningEnd | None:
    if end is None:
        return None
    return LearningEnd(
        part=end.part,
        address=end.text,
        title=end.title,
        types=end.types,
        range="" if end.limits is None else end.limits.text,
        encoder=end.mode or "",
    )


def _edits(proposal: Proposal) -> Iterator[EditWanted]:
    for path, keys in proposal.tables:
        table: dict[str, JsonValue] = {key: {"$toml": text} for key, text in keys.items()}
        if path[0] == "endpoint":
            yield ChangeEdit(kind="change", path=tuple(path), table=table)
        else:
            yield AddEdit(kind="add", path=tuple(path), table=table)
