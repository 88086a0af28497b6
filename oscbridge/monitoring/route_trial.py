"""Traces messages through one route, as ``oscbridge check --trace`` does. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from oscbridge.bridge.app import App
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.routes.explain import Step, trace
from oscbridge.bridge.routes.trace_steps import TraceState
from oscbridge.bridge.routes.variables import Value
from oscbridge.errors import ConfigurationError
from oscbridge.osc import Message, Origin
from oscbridge.osc.message_text import read_message_text
from oscbridge.osc.pattern import Pattern, Subject, Subjects
from oscbridge.osc.text import format_message

__all__ = ["RouteTrial", "TracedRoute", "running_routes", "takers_of", "typed_message"]

_MAKING: Final = ("json", "scale", "send", "function")
"""The steps that make other messages."""


class TracedRoute(NamedTuple):
    """What a route does with a message."""

    source: str
    message: str
    """As text."""
    steps: Sequence[Step]

    @property
    def result(self) -> str:
        """The message that is sent, or why none is."""
        text = self.message
        for step in self.steps:
            if step.outcome == "stopped":
                return f"{step.key}: {step.result}"
            if step.key in _MAKING:
                text = step.result
        return text


class RouteTrial:
    """One route of a configuration, to try messages in."""

    def __init__(self, configuration: Configuration, index: int) -> None:
        self._configuration = replace(
            configuration, routes=[replace(configuration.routes[index], enabled=True)]
        )
        self._route = self._configuration.routes[0]
        self._pattern = Pattern(self._route.match, mapped=True)

    @property
    def sources(self) -> Sequence[str]:
        """The names of the bridges and endpoints that it reads from."""
        return self._route.sources

    @property
    def has_function(self) -> bool:
        """Whether :meth:`run` runs code."""
        return self._route.function is not None

    def takes(self, address: str) -> bool:
        """Whether its match fits an address."""
        return self._pattern.matches(Subject(address))

    def among(self, subjects: Subjects) -> Sequence[str]:
        """The addresses that its match fits."""
        return self._pattern.find(subjects)

    def text(self, message: Message) -> str:
        """A message as it is shown."""
        return format_message(message)

    def run(
        self, source: str, message: Message, variables: Mapping[str, Value] | None = None
    ) -> TracedRoute:
        """Trace a message; as the first one, with these values of variables."""
        state = None if variables is None else TraceState(variables, {})
        found = trace(self._configuration, source, message._replace(origin=Origin(source)), state)
        steps = found[0].steps if found else ()
        return TracedRoute(source, format_message(message), steps)


def takers_of(
    routes: Sequence[tuple[str, RouteTrial]], addresses: Iterable[str]
) -> Mapping[str, Sequence[str]]:
    """The ids of the routes whose match fits, by address; for many addresses at once."""
    found: dict[str, list[str]] = {address: [] for address in addresses}
    subjects = Subjects(found)
    for key, trial in routes:
        for address in trial.among(subjects):
            found[address].append(key)
    return found


def running_routes(app: App) -> list[tuple[str, RouteTrial]]:
    """The routes that run, with their ids, in order."""
    configuration = app.configuration
    found = zip(app.routes, range(len(configuration.routes)), strict=True)
    return [(route.id, RouteTrial(configuration, index)) for route, index in found]


def typed_message(text: str) -> Message:
    """A message as for ``oscbridge send``. Raises :class:`ConfigurationError`."""
    try:
        return read_message_text(text)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
