"""Comparing revisions: the interval of a ratio, its verdict, and cleaning up."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # its modules are not a package

import compare
import routes
from figures import Figure
from harness import is_accepted
from ratios import MIN_ROUNDS, Interval, interval, verdict
from rich.console import Console

LIMIT = 0.05
# Ratios to omit on each side. Source: tables of the sign test, two-sided 0.05.
LEFT_OUT = {6: 0, 8: 0, 9: 1, 11: 1, 12: 2, 15: 3, 20: 5, 25: 7}


@pytest.mark.parametrize(("count", "left_out"), LEFT_OUT.items())
def test_interval_omits_the_number_of_ratios_in_the_table(count: int, left_out: int) -> None:
    found = interval([1.0 + n for n in range(count)])
    assert found == Interval((count + 1) / 2, 1.0 + left_out, count - left_out)


def test_equal_ratios_give_an_interval_of_zero_width() -> None:
    assert interval([1.1] * 10) == Interval(1.1, 1.1, 1.1)


def test_outlier_does_not_move_the_interval_of_ten_ratios() -> None:
    found = interval([0.99, 1.0, 1.01, 1.0, 0.99, 1.01, 1.0, 1.0, 1.0, 30.0])
    assert found == Interval(1.0, 0.99, 1.01)


def test_interval_of_inverse_ratios_is_the_inverse_interval() -> None:
    ratios = [1.01, 1.03, 0.97, 1.1, 1.05, 0.99, 1.02]
    found, inverse = interval(ratios), interval([1 / ratio for ratio in ratios])
    assert (inverse.low, inverse.high) == pytest.approx((1 / found.high, 1 / found.low))


def test_too_few_rounds_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least 6 are needed"):
        interval([1.0] * (MIN_ROUNDS - 1))


@pytest.mark.parametrize(
    ("low", "high", "lower", "higher"),
    [
        (1.06, 1.20, "worse", "better"),
        (1.02, 1.08, "unclear", "better"),
        (0.98, 1.04, "not worse", "not worse"),
        (0.90, 0.99, "better", "unclear"),
        (0.80, 0.90, "better", "worse"),
        (0.80, 1.20, "unclear", "unclear"),
    ],
)
def test_verdict_depends_on_interval_and_direction(
    low: float, high: float, lower: str, higher: str
) -> None:
    found = Interval((low * high) ** 0.5, low, high)
    assert verdict(found, "lower", LIMIT) == lower
    assert verdict(found, "higher", LIMIT) == higher


def rounds_of(base: float, new: float, better: str) -> compare.Rounds:
    pair = [Figure("it", value, "ms", better) for value in (base, new)]  # type: ignore[arg-type]
    return {"it": [(pair[0], pair[1])] * MIN_ROUNDS}


@pytest.mark.parametrize(
    ("base", "new", "better", "failed"),
    [(1, 1.2, "lower", True), (1, 1.2, "higher", False), (1, 1, "lower", False)],
)
def test_report_fails_for_a_worse_figure(
    base: float, new: float, better: str, failed: bool
) -> None:
    console = Console(quiet=True)
    assert compare.report({"section": rounds_of(base, new, better)}, {}, 5, console) is failed


def test_figures_that_the_base_does_not_have_are_left_out() -> None:
    old, more = (Figure(name, 1.0, "ms", "lower") for name in ("old", "more"))
    assert compare.paired([old], [more, old]) == [(old, old)]
    with pytest.raises(compare.CannotRun, match="measures more on the base only"):
        compare.paired([old, more], [old])


@pytest.mark.parametrize("name", routes.NEWER)
def test_new_route_is_accepted_by_this_revision(name: str) -> None:
    with routes.plugin_path() as environment:
        assert is_accepted(routes.configuration(routes.NEWER[name], 9000), environment)


def test_report_names_a_section_that_cannot_run() -> None:
    console = Console(record=True, file=StringIO())
    assert compare.report({}, {"midi": "cannot run on base: no such module"}, 5, console)
    assert "midi: cannot run on base: no such module" in console.export_text()


def test_command_that_times_out_is_killed_with_its_children() -> None:
    with pytest.raises(compare.CannotRun, match=r"not finished within 0\.2 s"):
        compare._run("sh", "-c", "sleep 60 & wait", timeout=0.2)


def test_worktree_of_the_base_is_removed_afterwards(tmp_path: Path) -> None:
    def listed() -> str:
        git = ["git", "-C", str(compare.ROOT), "worktree", "list"]
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout

    with (
        pytest.raises(KeyboardInterrupt),
        compare.checked_out("HEAD", tmp_path) as tree,
    ):
        assert (tree / "tests/bench").is_dir()
        assert str(tree) in listed()
        raise KeyboardInterrupt
    assert not tree.exists()
    assert str(tree) not in listed()
