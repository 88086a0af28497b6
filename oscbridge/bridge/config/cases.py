"""Reads the tables ``[[test]]`` of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from oscbridge.bridge.config.case_models import CaseOptions, ExpectOptions, split_endpoint
from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, show, written_path
from oscbridge.bridge.simulation.cases import (
    GAP,
    Case,
    ExpectedMessage,
    ForbiddenMessage,
    SentMessage,
)
from oscbridge.bridge.simulation.message_pattern import MessagePattern
from oscbridge.logs.format import visible
from oscbridge.osc.message_text import read_message_text
from oscbridge.suggestions import suggest

__all__ = ["CaseReader"]

MAX_TESTS: Final = 1_000
"""Tests of a configuration."""

MAX_TITLE: Final = 40
"""Characters of the name of a test in the text of a problem."""


class CaseReader:
    """Reads tests that send from ``sources``, bridges and endpoints, to ``sinks``."""

    def __init__(self, sources: Sequence[str], sinks: Sequence[str]) -> None:
        self.problems: list[ConfigProblem] = []
        self.cases: list[Case] = []
        """The tests that are valid."""
        self._sources = sources
        self._sinks = sinks
        self._numbers: dict[str, int] = {}
        """The numbers of tests by their names."""

    def read(self, section: object) -> None:
        """Read the value of the key ``test``."""
        if not isinstance(section, list) or not all(isinstance(each, dict) for each in section):
            text = "expected a list of tables; write [[test]]"
            self.problems.append(ConfigProblem(("test",), text, show(section)))
            return
        if len(section) > MAX_TESTS:
            text = f"more than {MAX_TESTS} tests; put some into another file"
            self.problems.append(ConfigProblem(("test",), text))
            return
        for index, table in enumerate(section):
            name = table.get("name")
            title = visible(name) if isinstance(name, str) else ""
            if len(title) > MAX_TITLE:
                title = f"{title[: MAX_TITLE - 1]}…"
            reading = _Reading(index, table, title, self._sources, self._sinks)
            case = reading.read()
            if isinstance(name, str) and (first := self._numbers.setdefault(name, index)) != index:
                reading.problem(("name",), f"duplicate: test {first + 1} has it; rename one", name)
            self.problems += reading.problems
            if case is not None and not reading.problems:
                self.cases.append(case)


class _Reading:
    """The reading of one test."""

    def __init__(
        self,
        index: int,
        table: Mapping[str, Any],
        title: str,
        sources: Sequence[str],
        sinks: Sequence[str],
    ) -> None:
        self.problems: list[ConfigProblem] = []
        self._index = index
        self._table = table
        self._title = title
        self._sources = sources
        self._sinks = sinks

    def read(self) -> Case | None:
        """The test; None if its keys are not valid."""
        found: list[ConfigProblem] = []
        options = validate(found, CaseOptions, self._table, ())
        for each in found:
            place = ("test", self._index, *each.path)
            self.problems.append(ConfigProblem(place, each.text, each.value, title=self._title))
        if options is None:
            return None
        if not options.expect and not options.never:
            self.problem((), "nothing is tested; add 'expect' or 'never'")
        return Case(
            self._index + 1,
            options.name,
            tuple(self._sent(options)),
            tuple(self._expected(options.expect)),
            tuple(self._forbidden(options.never)),
            None if options.now is None else options.now.timestamp(),
        )

    def problem(self, path: KeyPath, text: str, value: object = None) -> None:
        """Add a problem at a path within the table."""
        place = ("test", self._index, *written_path(self._table, path))
        shown = "" if value is None else show(value)
        self.problems.append(ConfigProblem(place, text, shown, title=self._title))

    def _sent(self, options: CaseOptions) -> Iterator[SentMessage]:
        at = 0.0
        if options.source is not None:
            self._check_source(("from",), options.source)
        for index, each in enumerate(options.send):
            path = ("send", index)
            if each.at is not None and each.at < at:
                text = f"earlier than the message before it, at {at:g}; sort the messages by time"
                self.problem((*path, "at"), text, each.at)
            at = at if each.at is None else each.at
            source = options.source if each.source is None else each.source
            if source is None:
                known = ", ".join(self._sources) or "none"
                self.problem(("from",), f"missing key: where the message comes from: {known}")
                return
            if each.source is not None:
                self._check_source((*path, "from"), source)
            try:
                yield SentMessage(at, source, read_message_text(each.message))
            except ValueError as error:
                self.problem((*path, "message"), str(error), each.message)

    def _check_source(self, path: KeyPath, name: str) -> None:
        if name not in self._sources:
            text = f"no such bridge or endpoint; {suggest(name, sorted(self._sources))}"
            self.problem(path, text, name)

    def _expected(self, options: Sequence[ExpectOptions]) -> Iterator[ExpectedMessage]:
        for index, each in enumerate(options):
            path = ("expect", index)
            if not self._is_sink((*path, "to"), each.to):
                continue
            if each.message.strip() in GAP:
                if each.at is not None:
                    self.problem((*path, "at"), "has no meaning for any number of messages")
                yield ExpectedMessage(each.to, MessagePattern("*"), is_gap=True)
                continue
            try:
                yield ExpectedMessage(each.to, MessagePattern(each.message), each.at)
            except ValueError as error:
                self.problem((*path, "message"), str(error), each.message or each.to)

    def _forbidden(self, texts: Sequence[str]) -> Iterator[ForbiddenMessage]:
        for index, text in enumerate(texts):
            parts = split_endpoint(text)
            to, message = parts["to"], parts["message"] or "*"
            if not self._is_sink(("never", index), to, is_pattern=True):
                continue
            try:
                yield ForbiddenMessage(to, MessagePattern(message, any_arguments=True), text)
            except ValueError as error:
                self.problem(("never", index), str(error), text)

    def _is_sink(self, path: KeyPath, name: str, *, is_pattern: bool = False) -> bool:
        """Whether messages can arrive there; if not, that is a problem."""
        if name in self._sinks or (
            is_pattern and any(fnmatchcase(each, name) for each in self._sinks)
        ):
            return True
        if name.startswith("/") or not name:
            sink = self._sinks[0] if self._sinks else "NAME"
            text = f"missing endpoint; write it before the message, e.g. '{sink} /x 1'"
        else:
            text = f"no such endpoint to send to; {suggest(name, sorted(self._sinks))}"
        self.problem(path, text, name or None)
        return False
