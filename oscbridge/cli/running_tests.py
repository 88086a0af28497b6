"""What ``oscbridge test`` does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.simulation.cases import Case
from oscbridge.bridge.simulation.report import failure_lines, reason_of_failure
from oscbridge.bridge.simulation.runner import CaseResult, run_case
from oscbridge.cli.report_output import NOTHING_TO_RUN, ReportOutput
from oscbridge.cli.running import read_configuration
from oscbridge.logs.format import visible
from oscbridge.plugins.manager import Plugins

__all__ = ["run_tests"]


def run_tests(file: Path, text: str | None, *, verbose: bool) -> NoReturn:
    """Run the tests of a file, those with a text in their names, and exit.

    Raises :class:`~oscbridge.errors.ConfigurationError`.
    """
    began = time.perf_counter()
    plugins = Plugins.for_configuration(file)
    configuration = read_configuration(file, plugins, with_tests=True)
    app = App(configuration, plugins)
    output = _Output(file, len(configuration.tests))
    cases = [each for each in configuration.tests if (text or "").lower() in each.name.lower()]
    if not cases:
        output.fail_without_tests(text)
    results = output.show_progress(_run(configuration, plugins, cases), len(cases), verbose)
    output.show_failures([each for each in results if not each.passed], app)
    output.show_summary(results, len(configuration.tests), time.perf_counter() - began)
    sys.exit(0 if all(each.passed for each in results) else 1)


def _run(
    configuration: Configuration, plugins: Plugins, cases: Iterable[Case]
) -> Iterator[CaseResult]:
    for case in cases:
        yield run_case(configuration, plugins, case)


class _Output(ReportOutput):
    """Prints the tests of a file."""

    def __init__(self, file: Path, total: int) -> None:
        super().__init__()
        self._file = visible(str(file))
        self._total = total

    def fail_without_tests(self, text: str | None) -> None:
        """Exit if there is nothing to run."""
        if self._total:
            self.print(f"{self._file}: no test has {text!r} in its name, of {self._total}")
        else:
            self.print(f"{self._file}: no tests; add a table [[test]], see oscbridge test --help")
        sys.exit(NOTHING_TO_RUN)

    def show_progress(
        self, results: Iterator[CaseResult], total: int, verbose: bool
    ) -> list[CaseResult]:
        """Print each result as soon as it is there. Returns all of them."""
        done = []
        row = self._file + " "
        room = max(self.room, len(row) + 10)
        if not verbose:
            self.print(row, end="")
        used = len(row)
        for result in results:
            done.append(result)
            percent = 100 * len(done) // total
            if verbose:
                name = f"{self._file}::{visible(result.case.name)} "
                self.print(name, end="")
                word, colour = ("PASSED", "green") if result.passed else ("FAILED", "red")
                self.print_result(name, word, colour, percent)
                continue
            self.print(self.style(".", "green") if result.passed else self.style("F", "red"), "")
            used += 1
            if used >= room or len(done) == total:
                gap = " " * max(room - used + 1, 1)
                self.print(gap + self.style(f"[{percent:3}%]", "cyan"))
                used = 0
        return done

    def show_failures(self, failed: list[CaseResult], app: App) -> None:
        """Print everything about the tests that failed."""
        if failed:
            self.print()
            self.print_title(" FAILURES ")
        for result in failed:
            name = visible(result.case.name)
            title = f" {name} " if len(name) < self.room else f"{name} "
            self.print_title(title, "_", "red")
            self.print(f"{self._file}: test {result.case.number}\n")
            for line in failure_lines(result, app, click.style):
                self.print(line)
            self.print()

    def show_summary(self, results: list[CaseResult], total: int, seconds: float) -> None:
        """Print the failed tests, one per line, and how many passed."""
        failed = [each for each in results if not each.passed]
        if failed:
            self.print_title(" short test summary ")
        for result in failed:
            name = f"{self._file}::{visible(result.case.name)}"
            self.print_summary("FAILED", "red", name, visible(reason_of_failure(result)))
        passed = len(results) - len(failed)
        counts = [f"{len(failed)} failed"] if failed else []
        counts += [f"{passed} passed"] if passed or not failed else []
        counts += [f"{total - len(results)} deselected"] if total > len(results) else []
        if not failed:
            self.print()
        colour = "red" if failed else "green"
        self.print_title(f" {', '.join(counts)} in {seconds:.2f}s ", "=", colour)
