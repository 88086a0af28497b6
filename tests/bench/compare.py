"""Compare the speed of the working tree with that of a revision: ``make bench-compare BASE=rev``.

Each gets its own virtual environment, with equal dependencies, and both are measured
alternately by the same scripts, those of the working tree. A figure's ratios new/base of all
rounds give a confidence interval; it ends with 1 if a figure is certainly worse by more than
the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from figures import SECTIONS, Figure
from ratios import MIN_ROUNDS, interval, verdict
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ROOT = Path(__file__).parents[2]
BENCH = Path(__file__).parent
USUAL = ("drain", "routes", "dashboards", "mqtt", "midi", "start", "forks")
"""Sections that are compared by default."""

ROUNDS = 10
TIMEOUT = 300.0
"""Maximum duration of one section in one round, in seconds."""

LIMIT = 5.0
"""Tolerated worsening of a figure, in percent."""

INSTALL_TIMEOUT = 600.0
STOPPING = (signal.SIGINT, signal.SIGTERM)
ARROWS = {"lower": "↓", "higher": "↑"}
"""Which way is better."""

COLORS = {"worse": "bold red", "unclear": "yellow", "not worse": "", "better": "green"}


class CannotRun(Exception):
    """A section cannot run on a revision."""


class Tree:
    """A source tree, and an environment in which it is installed."""

    def __init__(self, name: str, folder: Path, environment: Path, constraints: Path) -> None:
        self.name = name
        self._python = environment / "bin/python"
        _run(sys.executable, "-m", "venv", "--without-pip", environment)
        plugins = sorted(path.parent for path in folder.glob("plugins/*/pyproject.toml"))
        packages = [word for each in (folder, *plugins) for word in ("--editable", each)]
        pip = [sys.executable, "-m", "pip", "--python", self._python, "install", "--quiet"]
        _run(*pip, "--constraint", constraints, *packages)
        _run(self._python, "-m", "compileall", "-q", folder / "oscbridge", *plugins)
        found = Path(
            _run(self._python, "-c", "import oscbridge; print(oscbridge.__file__)").strip()
        )
        if not found.resolve().is_relative_to(folder.resolve()):
            raise RuntimeError(f"the environment of {name} runs {found}")

    def measure(self, section: str, timeout: float) -> list[Figure]:
        """One round of a section. Raises :class:`CannotRun`."""
        printed = _run(self._python, BENCH, "--figures", section, timeout=timeout)
        return [Figure(**each) for each in json.loads(printed)]


def _run(*command: object, timeout: float = INSTALL_TIMEOUT) -> str:
    """The output of a command, run in its own process group and outside of both trees.

    Raises :class:`CannotRun` with its last line of output.
    """
    dropped = ("OSCBRIDGE", "PYTHON")
    environment = {key: v for key, v in os.environ.items() if not key.startswith(dropped)}
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tempfile.gettempdir(),
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise CannotRun(f"not finished within {timeout:g} s") from None
    finally:
        if process.poll() is None:  # also on Ctrl-C
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        last = (errors.strip() or f"exit code {process.returncode}").splitlines()[-1]
        raise CannotRun(last)
    return output


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path]:
    """A revision in a worktree, which is removed afterwards."""
    tree = folder / "base"
    git = ("git", "-C", ROOT)
    _run(*git, "worktree", "add", "--quiet", "--detach", tree, revision)
    try:
        yield tree
    finally:
        _run(*git, "worktree", "remove", "--force", tree)


def frozen(file: Path) -> Path:
    """The versions of this environment's packages, as constraints of pip."""
    listed = _run(sys.executable, "-m", "pip", "freeze", "--exclude-editable")
    file.write_text("".join(f"{line}\n" for line in listed.splitlines() if "==" in line))
    return file


Rounds = dict[str, list[tuple[Figure, Figure]]]
"""By the name of a figure: its values on base and on new, for each round."""


def measure(
    base: Tree, new: Tree, sections: Sequence[str], rounds: int, timeout: float, progress: Progress
) -> tuple[dict[str, Rounds], dict[str, str]]:
    """The figures of each section, and the reasons why sections cannot run."""
    found: dict[str, Rounds] = {}
    problems: dict[str, str] = {}
    task = progress.add_task("", total=len(sections) * rounds * 2)
    for number, section in enumerate(sections):
        found[section] = {}
        for each in range(rounds):
            figures: dict[Tree, list[Figure]] = {}
            try:
                for tree in (base, new) if each % 2 == 0 else (new, base):
                    title = f"{section}, round {each + 1} of {rounds}, {tree.name}"
                    progress.update(task, description=title)
                    figures[tree] = _measure_one(tree, section, timeout)
                    progress.advance(task)
                pairs = paired(figures[base], figures[new])
            except CannotRun as error:
                problems[section] = f"round {each + 1} {error}"
                if each < MIN_ROUNDS:
                    del found[section]
                progress.update(task, completed=(number + 1) * rounds * 2)
                break
            for pair in pairs:
                found[section].setdefault(pair[0].name, []).append(pair)
    return found, problems


def paired(base: Sequence[Figure], new: Sequence[Figure]) -> list[tuple[Figure, Figure]]:
    """The figures of both by name, without those that the base does not have yet.

    Raises :class:`CannotRun` if only the base has one.
    """
    by_name = {figure.name: figure for figure in new}
    if missing := [figure.name for figure in base if figure.name not in by_name]:
        raise CannotRun(f"measures {', '.join(missing)} on the base only")
    return [(figure, by_name[figure.name]) for figure in base]


def _measure_one(tree: Tree, section: str, timeout: float) -> list[Figure]:
    try:
        return tree.measure(section, timeout)
    except CannotRun as error:
        raise CannotRun(f"cannot run on {tree.name}: {error}") from None


def report(
    found: dict[str, Rounds], problems: dict[str, str], limit: float, console: Console
) -> bool:
    """Print the comparison. Returns whether a figure is worse or a section could not run."""
    table = Table(box=box.SIMPLE)
    table.add_column("figure", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for title in ("base", "new", "new / base", "95 % confidence"):
        table.add_column(title, justify="right")
    table.add_column(f"limit: {limit:g} % worse")
    failed = bool(problems)
    for section, rounds in found.items():
        table.add_row(f"[bold]{section}")
        for name, pairs in rounds.items():
            sample = pairs[0][0]
            ratio = interval([new.value / base.value for base, new in pairs])
            said = verdict(ratio, sample.better, limit / 100)
            failed |= said == "worse"
            table.add_row(
                f"  {name}",
                f"{sample.unit} {ARROWS[sample.better]}",
                *(f"{statistics.median(pair[i].value for pair in pairs):,.4g}" for i in (0, 1)),
                f"{ratio.ratio:.3f}",
                f"{ratio.low:.3f} to {ratio.high:.3f}",
                said,
                style=COLORS[said],
            )
    console.print(table)
    for section, problem in problems.items():
        console.print(f"[bold red]{section}: {problem}", highlight=False)
    return failed


def _stop(number: int, _frame: object) -> NoReturn:
    """Exit, without interrupting the removal of temporary files."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-compare", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="a revision of git")
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help=f"one of {', '.join(SECTIONS)}; without any: {', '.join(USUAL)}",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"at least {MIN_ROUNDS}")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds per section")
    parser.add_argument("--limit", type=float, default=LIMIT, help="percent")
    options = parser.parse_intermixed_args()
    sections = options.sections or USUAL
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"unknown section {unknown.pop()!r}; available: {', '.join(SECTIONS)}")
    if options.rounds < MIN_ROUNDS:
        parser.error(f"--rounds must be at least {MIN_ROUNDS}")
    for number in STOPPING:
        signal.signal(number, _stop)
    console = Console(width=None if sys.stdout.isatty() else 110)
    with tempfile.TemporaryDirectory(prefix="oscbridge-compare-") as name:
        folder = Path(name)
        with checked_out(options.base, folder) as tree, Progress(console=console) as progress:
            task = progress.add_task("installing both revisions", total=2)
            constraints = frozen(folder / "constraints.txt")
            base = Tree(options.base, tree, folder / "base-venv", constraints)
            progress.advance(task)
            new = Tree("the working tree", ROOT, folder / "new-venv", constraints)
            progress.remove_task(task)
            found, problems = measure(
                base, new, sections, options.rounds, options.timeout, progress
            )
    sys.exit(report(found, problems, options.limit, console))


if __name__ == "__main__":
    try:
        main()
    except CannotRun as error:
        sys.exit(str(error))
