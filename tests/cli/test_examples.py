"""``oscbridge examples``, and the examples themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from oscbridge.cli import cli
from oscbridge.cli.example_library import Example, shipped_examples
from oscbridge.errors import ConfigurationError
from oscbridge.testing.process import PROGRAM

EXAMPLES = shipped_examples()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def failure_of(*arguments: str) -> str:
    """The error that the command ends with."""
    result = CliRunner().invoke(cli, arguments)
    assert isinstance(result.exception, ConfigurationError)
    return str(result.exception)


def test_examples_are_at_least_ten() -> None:
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_example_is_valid_without_warnings(example: Example) -> None:
    output = run("check", str(example.folder / "oscbridge.toml"))
    assert re.fullmatch(r".*: valid: .*, \d+ tests?\n", output)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_example_passes_its_tests(example: Example) -> None:
    assert " passed in " in run("test", str(example.folder / "oscbridge.toml"))


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_page_of_an_example_names_the_plugins_that_it_needs(example: Example) -> None:
    types = set(re.findall(r'^type +?= "(.*?)"', example.configuration, re.MULTILINE))
    plugins = {{"sacn": "dmx", "artnet": "dmx"}.get(each, each) for each in types - {"osc"}}
    named = re.search(r"oscbridge\[(.*?)\]", example.needs)
    assert set(named[1].split(",") if named else ()) == plugins
    assert example.needs.startswith("Needs ")


def test_examples_lists_all_by_name_and_title() -> None:
    output = run("examples")
    for name, example in EXAMPLES.items():
        assert re.search(rf"^{name} +{re.escape(example.title)}$", output, re.MULTILINE)


def test_examples_show_prints_the_configuration() -> None:
    assert EXAMPLES["doorbell"].configuration in run("examples", "show", "doorbell")


def test_examples_copy_makes_a_folder_that_passes_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(PROGRAM).parent))
    target = tmp_path / "deep" / "Größe 1"
    output = run("examples", "copy", "shared-mixer", str(target))
    assert f"Then: oscbridge run '{target / 'oscbridge.toml'}'" in output
    run("check", str(target / "oscbridge.toml"))


def test_examples_copy_replaces_nothing(tmp_path: Path) -> None:
    error = failure_of("examples", "copy", "doorbell", str(tmp_path))
    assert "exists already; name another folder" in error
    assert not list(tmp_path.iterdir())


def test_examples_suggests_a_name() -> None:
    assert "did you mean 'doorbell'?" in failure_of("examples", "copy", "doorbel")
