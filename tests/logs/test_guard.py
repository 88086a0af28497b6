"""What keeps the log of a program from plugins."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from oscbridge.logs import guard as module
from oscbridge.logs.guard import LogGuard


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root, handler = logging.getLogger(), Lines()
    level = root.level
    monkeypatch.setattr(root, "handlers", [*root.handlers])
    for name in module._CONTAINED:
        monkeypatch.setattr(logging.Logger, name, getattr(logging.Logger, name))
    yield handler
    root.setLevel(level)


def test_change_that_a_plugin_repeats_is_logged_once(lines: Lines) -> None:
    guard = LogGuard(lambda: lines, logging.INFO)
    guard.restore()  # what other tests have changed
    lines.texts.clear()
    for _ in range(5):
        logging.getLogger().handlers.clear()
        guard.restore()
        logging.getLogger().setLevel(logging.CRITICAL)
        guard.restore()
    assert [text.partition("(")[2] for text in lines.texts] == [
        "the handlers), which is restored",
        "the level), which is restored",
    ]


def test_settings_of_the_handler_are_restored(lines: Lines) -> None:
    own = logging.Filter()
    lines.addFilter(own)
    guard = LogGuard(lambda: lines, logging.INFO)
    guard.restore()  # what other tests have changed
    lines.texts.clear()
    lines.setLevel(logging.CRITICAL)
    lines.setFormatter(logging.Formatter("%(name)s"))
    lines.addFilter(lambda _: False)
    guard.restore()
    assert (lines.level, lines.formatter, lines.filters) == (logging.NOTSET, None, [own])
    assert len(lines.texts) == 1
