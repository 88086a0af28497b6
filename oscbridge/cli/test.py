"""``oscbridge test``"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.simulation.cases import Case
from oscbridge.bridge.simulation.report import failure_lines, reason_of_failure
from oscbridge.bridge.simulation.runner import CaseResult, run_case
from oscbridge.cli.run import read_configuration
from oscbridge.logs.format import colour_wanted, visible
from oscbridge.plugins import Plugins

__all__ = ["command"]

NO_TESTS: Final = 5
"""The exit code if there is no test to run, as that of pytest."""

WIDEST: Final = 100
"""Columns of the output, at most."""

_PERCENT: Final = len(" [100%]")


@click.command("test")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--verbose", "-v", is_flag=True, help="Print a line for each test.")
@click.option(
    "-k", "text", metavar="TEXT", help="Run only tests with TEXT in their names, in any case."
)
def command(file: Path, verbose: bool, text: str | None) -> None:
    """Run the tests in a configuration FILE.

    A test sends messages through the routes, and says which messages the endpoints must get.
    Nothing is opened, and time is simulated: a test that takes an hour runs at once. Functions
    of routes run. Each test starts with fresh routes.

    \b
      [[test]]
      name   = "fader 3 becomes controller 3"
      from   = "stage"
      send   = "/1/fader3 0.5"
      expect = ["synth /control 1 3 64"]
      never  = ["web *"]

    Exit code: 0 if all tests passed, 1 if any failed, 2 if FILE has problems, 5 if there is no
    test to run.

    \b
    Examples:
      oscbridge test studio.toml
      oscbridge test studio.toml -v
      oscbridge test studio.toml -k fader
    """
    began = time.perf_counter()
    plugins = Plugins()
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


class _Output:
    """Prints results like pytest."""

    def __init__(self, file: Path, total: int) -> None:
        self._file = visible(str(file))
        self._total = total
        self._is_coloured = colour_wanted(terminal=sys.stdout.isatty())
        self._width = min(_width(), WIDEST)

    def fail_without_tests(self, text: str | None) -> None:
        """Exit if there is nothing to run."""
        if self._total:
            self._print(f"{self._file}: no test has {text!r} in its name, of {self._total}")
        else:
            self._print(f"{self._file}: no tests; add a table [[test]], see oscbridge test --help")
        sys.exit(NO_TESTS)

    def show_progress(
        self, results: Iterator[CaseResult], total: int, verbose: bool
    ) -> list[CaseResult]:
        """Print each result as soon as it is there. Returns all of them."""
        done = []
        row = self._file + " "
        room = max(self._width - _PERCENT, len(row) + 10)
        if not verbose:
            self._print(row, end="")
        used = len(row)
        for result in results:
            done.append(result)
            percent = f"[{100 * len(done) // total:3}%]"
            if verbose:
                name = f"{self._file}::{visible(result.case.name)} "
                word = self._style(*(("PASSED", "green") if result.passed else ("FAILED", "red")))
                gap = " " * max(self._width - _PERCENT - len(name) - 6 + 1, 1)
                self._print(f"{name}{word}{gap}{self._style(percent, 'cyan')}")
                continue
            self._print(self._style(".", "green") if result.passed else self._style("F", "red"), "")
            used += 1
            if used >= room or len(done) == total:
                gap = " " * max(room - used + 1, 1)
                self._print(gap + self._style(percent, "cyan"))
                used = 0
        return done

    def show_failures(self, failed: list[CaseResult], app: App) -> None:
        """Print everything about the tests that failed."""
        if failed:
            self._print("")
            self._print(self._rule(" FAILURES ", "="))
        for result in failed:
            name = visible(result.case.name)
            title = f" {name} " if len(name) < self._width - 4 else f"{name} "
            self._print(self._style(self._rule(title, "_"), "red", bold=True))
            self._print(f"{self._file}: test {result.case.number}\n")
            for line in failure_lines(result, app, click.style):
                self._print(line)
            self._print("")

    def show_summary(self, results: list[CaseResult], total: int, seconds: float) -> None:
        """Print the failed tests, one per line, and how many passed."""
        failed = [each for each in results if not each.passed]
        if failed:
            self._print(self._rule(" short test summary ", "="))
        for result in failed:
            name = visible(result.case.name)
            reason = visible(reason_of_failure(result))
            line = f" {self._file}::{self._style(name, bold=True)} - "
            room = self._width - len(f"FAILED {self._file}::{name} - ")
            if len(reason) > max(room, 20):
                reason = f"{reason[: max(room, 20) - 1]}…"
            self._print(f"{self._style('FAILED', 'red')}{line}{reason}")
        passed = len(results) - len(failed)
        counts = [f"{len(failed)} failed"] if failed else []
        counts += [f"{passed} passed"] if passed or not failed else []
        counts += [f"{total - len(results)} deselected"] if total > len(results) else []
        colour = "red" if failed else "green"
        text = f" {', '.join(counts)} in {seconds:.2f}s "
        if not failed:
            self._print("")
        self._print(self._style(self._rule(text, "="), colour, bold=True))

    def _rule(self, text: str, character: str) -> str:
        return text.center(self._width, character)

    def _style(self, text: str, colour: str | None = None, *, bold: bool | None = None) -> str:
        return click.style(text, fg=colour, bold=bold)

    def _print(self, text: str, end: str = "\n") -> None:
        click.echo(text + end, nl=False, color=self._is_coloured)


def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns
