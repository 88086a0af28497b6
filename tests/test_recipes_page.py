"""The recipes of docs/how-to/recipes: their tests pass, and ``oscbridge check`` finds nothing."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from oscbridge.cli import cli
from oscbridge.testing import ConfiguredTest, run_configured_tests

FOLDER = Path(__file__).parents[1] / "docs" / "how-to" / "recipes"
INDEX = FOLDER / "index.md"
SECTIONS = {
    (page.name, title): text
    for page in sorted(set(FOLDER.glob("*.md")) - {INDEX})
    for title, text in re.findall(
        r"^## (.*?)\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL
    )
}


def anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


RECIPES = {
    f"{page}#{anchor(title)}": found[1]
    for (page, title), text in SECTIONS.items()
    if (found := re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
}
"""The configurations by what links to them."""
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


def test_every_section_is_a_recipe() -> None:
    assert len(RECIPES) == len(SECTIONS) >= 20


def test_every_recipe_is_listed_on_the_first_page() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md#.*?)\)", INDEX.read_text())
    assert sorted(listed) == sorted(RECIPES)
