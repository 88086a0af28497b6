"""The tests in a configuration, for pytest or another runner of tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.plugin_folder import folder_in
from oscbridge.bridge.simulation.report import failure_lines
from oscbridge.bridge.simulation.runner import run_case
from oscbridge.bridge.trace_text import plain
from oscbridge.plugins.manager import Plugins

__all__ = ["ConfiguredTest", "run_configured_tests"]


@dataclass(frozen=True)
class ConfiguredTest:
    """The result of one ``[[test]]``."""

    name: str
    passed: bool
    report: str = ""
    """If it failed, what ``oscbridge test`` prints about it."""

    def __str__(self) -> str:
        return self.name


def run_configured_tests(text: str, directory: Path | None = None) -> list[ConfiguredTest]:
    """Run the tests in the text of a configuration, as ``oscbridge test`` does.

    Relative file names and the modules of functions are looked for in ``directory``. With pytest
    each can be a test of its own::

        @pytest.mark.parametrize("test", run_configured_tests(TEXT), ids=str)
        def test_studio(test: ConfiguredTest) -> None:
            assert test.passed, test.report

    Raises :class:`oscbridge.ConfigurationError` that lists every problem of the configuration.
    """
    plugins = Plugins(folder=folder_in(text, (directory or Path()).absolute() / "test.toml"))
    if directory is not None and str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    types = plugins.endpoint_types
    configuration = parse(text, types, "test.toml", directory, with_tests=True)
    app = App(configuration, plugins)
    results = [run_case(configuration, plugins, case) for case in configuration.tests]
    return [
        ConfiguredTest(
            each.case.name,
            each.passed,
            "" if each.passed else "\n".join(failure_lines(each, app, plain)),
        )
        for each in results
    ]
