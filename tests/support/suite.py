"""How pytest runs the suite: with how many processes, and which files it reads.

pytest loads this module as a plugin (pyproject.toml).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """The processes of ``-n auto``: three for two cores, since tests often wait for events."""
    cores = yield
    return cores if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores + cores // 2


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m load``, leave out files without such tests: reading all takes half a minute."""
    if config.option.markexpr != "load" or collection_path.suffix != ".py":
        return None
    return True if "mark.load" not in collection_path.read_text("utf-8") else None
