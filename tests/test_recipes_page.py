"""The recipes of docs/recipes.md: their tests pass, and ``oscbridge check`` has nothing to say."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from oscbridge.cli import cli
from oscbridge.testing import ConfiguredTest, run_configured_tests

PAGE = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
RECIPES = {
    title: found[1]
    for title, text in SECTIONS.items()
    if (found := re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
}
TESTS = [
    (title, test["name"])
    for title, text in RECIPES.items()
    for test in tomllib.loads(text).get("test", [])
]


@cache
def results(title: str) -> dict[str, ConfiguredTest]:
    return {test.name: test for test in run_configured_tests(RECIPES[title])}


@pytest.mark.parametrize(("title", "name"), TESTS)
def test_recipe_does_what_its_test_shows(title: str, name: str) -> None:
    test = results(title)[name]
    assert test.passed, test.report


@pytest.mark.parametrize("title", RECIPES)
def test_recipe_is_valid_without_warnings(title: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(RECIPES[title])
    result = CliRunner().invoke(cli, ["check", str(file)])
    assert result.exit_code == 0
    assert re.fullmatch(r".*: valid: .*, \d+ tests?\n", result.output)


def test_every_recipe_is_listed_at_the_top() -> None:
    listed = re.findall(r"\]\(#(.*?)\)", PAGE.partition("\n## ")[0])
    anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in RECIPES]
    assert len(listed) == len(RECIPES) >= 20
    assert set(listed) == set(anchors)
