"""Fixtures of all tests of the spool."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "house.spool"


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Check that no thread outlives its endpoint."""
    yield
    assert [each.name for each in threading.enumerate() if each.name.startswith("spool")] == []
