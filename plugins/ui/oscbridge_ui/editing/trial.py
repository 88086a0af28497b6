"""Traces real messages through the draft of a route."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from oscbridge import ConfigurationError, Message
from oscbridge.monitoring import Configuration, RouteTrial, TracedRoute, typed_message
from oscbridge_ui.editing.messages import TracedMessage, TraceStep, Trial
from oscbridge_ui.value_store import StoredValue, ValueStore

__all__ = ["DraftTrial", "message_of_value"]

MAX_MESSAGES: Final = 6
"""Messages that are traced."""

MAX_OTHERS: Final = 2
"""Of these, messages that the route does not take."""

MAX_LOOKED_AT: Final = 5_000
"""Addresses that are compared with the match of a route, the newest first."""


class DraftTrial:
    """Knows the last messages of all sources, while a page has opened ``values``."""

    def __init__(self, values: ValueStore) -> None:
        self._values = values

    async def run(
        self, configuration: Configuration, wanted: Trial
    ) -> tuple[Sequence[TracedMessage], str]:
        """The messages with their steps, and why there are none."""
        if wanted.route >= len(configuration.routes):
            return (), ""
        trial = RouteTrial(configuration, wanted.route)
        if trial.has_function and not wanted.run_function:
            return (), "the function of this route runs only on request"
        if wanted.message:
            try:
                found = [(trial.sources[0], typed_message(wanted.message))]
            except ConfigurationError as error:
                return (), str(error)
        else:
            found = list(self._last_messages(trial))
        return await asyncio.to_thread(partial(_traced, trial, found)), ""

    def _last_messages(self, trial: RouteTrial) -> Iterator[tuple[str, Message]]:
        """The last messages of its sources: those that it takes, and a few others."""
        others: list[tuple[str, Message]] = []
        count = 0
        for value, source in self._newest(trial.sources):
            if trial.takes(value.address):
                yield source, message_of_value(value)
                count += 1
            elif len(others) < MAX_OTHERS:
                others.append((source, message_of_value(value)))
            if count >= MAX_MESSAGES:
                return
        yield from others[: MAX_MESSAGES - count]

    def _newest(self, names: Iterable[str]) -> Iterator[tuple[StoredValue, str]]:
        wanted = list(names)
        found = [each for each in self._values.all() if each.time and each.sources]
        found.sort(key=lambda each: each.time, reverse=True)
        for each in found[:MAX_LOOKED_AT]:
            source = next((name for name in wanted if name in each.sources), "")
            if source:
                yield each, source


def message_of_value(value: StoredValue) -> Message:
    """The last message of an address; of a large one as much as is kept."""
    return Message(value.address, value.types, tuple(value.args))


def _traced(trial: RouteTrial, messages: Sequence[tuple[str, Message]]) -> Sequence[TracedMessage]:
    return [_state(trial.run(source, message)) for source, message in messages]


def _state(traced: TracedRoute) -> TracedMessage:
    return TracedMessage(
        source=traced.source,
        text=traced.message,
        result=traced.result,
        steps=[
            TraceStep(key=each.key, value=each.value, result=each.result, outcome=each.outcome)
            for each in traced.steps
        ],
    )
