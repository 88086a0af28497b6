"""Plugins whose import takes long."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from oscbridge.plugins import slow_import
from oscbridge.plugins.manager import Plugins

WAITING = """\
import sys

assert sys.modules["seen_log"].named.wait(20)
"""


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The warnings of the log; plugins can wait for the first."""
    module = ModuleType("seen_log")
    module.named = event = threading.Event()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "seen_log", module)
    found: list[str] = []

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())
            event.set()

    logger, handler = logging.getLogger("oscbridge.plugins"), Seen(logging.WARNING)
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def test_import_that_takes_long_is_named_with_its_line(
    named: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(slow_import, "SLOW_IMPORT", 0.01)
    file = tmp_path / "waiting.py"
    file.write_text(WAITING)
    (plugin,) = Plugins([], folder=tmp_path).plugins
    assert plugin.error is None
    assert re.fullmatch(
        r"plugin 'waiting': still being imported after 0.01 s \(.+\.py:\d+\)", named[0]
    )


def test_quick_import_is_not_named(named: list[str], tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text("")
    (plugin,) = Plugins([], folder=tmp_path).plugins
    assert plugin.error is None
    assert named == []
    timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    for each in timers:
        each.join(10)
