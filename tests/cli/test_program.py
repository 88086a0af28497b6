"""The program as a whole: version, help, plugins."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from oscbridge.cli import COMMANDS, OF_PLUGINS, Commands, cli
from oscbridge.cli.own_name import own_name
from oscbridge.cli.summaries import SUMMARIES

Call = Callable[..., subprocess.CompletedProcess[str]]


def test_version_equals_the_package_version(call: Call) -> None:
    assert call("--version").stdout == f"oscbridge {version('oscbridge')}\n"


def test_module_is_the_program() -> None:
    command = [sys.executable, "-m", "oscbridge", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (result.stdout, result.stderr) == (f"oscbridge {version('oscbridge')}\n", "")


@pytest.mark.parametrize(
    ("python", "shown"), [("/env/python", "/env/python"), ("/my env/python", '"/my env/python"')]
)
def test_module_calls_itself_as_a_shell_finds_it(
    python: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "argv", ["/env/oscbridge/__main__.py"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert own_name() == f"{shown} -m oscbridge"


def test_help_lists_every_command_with_an_example(call: Call) -> None:
    shown = call("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S", shown, re.MULTILINE)
    assert "oscbridge send /hello 1" in shown


def test_summary_is_the_first_sentence_of_the_help() -> None:
    for name, text in SUMMARIES.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.get_short_help_str(100) == text


def test_list_of_commands_loads_no_endpoint() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from oscbridge.cli import cli\n"
        "print(CliRunner().invoke(cli, ['--help']).output)\n"
        "print({'pydantic', 'asyncio', 'rich', 'ssl'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert result.stdout.splitlines()[-1] == "set()"
    assert "  midi " in result.stdout  # from a plugin


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(command: str, call: Call) -> None:
    for option in ("--help", "-h"):
        result = call(command, option)
        assert result.returncode == 0
        assert re.search(rf"Examples?:\n +oscbridge {command}", result.stdout)
        assert max(map(len, result.stdout.splitlines())) <= 80


def test_unknown_command_lists_the_available_ones(call: Call) -> None:
    result = call("xyz")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: No such command 'xyz'; available: {', '.join(COMMANDS)}, midi, oscquery"
    )


def test_misspelled_command_suggests_the_nearest_one(call: Call) -> None:
    result = call("runn")
    assert result.returncode == 2
    assert result.stderr.endswith("No such command 'runn'; did you mean 'run'?\n")


def test_file_in_place_of_a_command_suggests_run(call: Call) -> None:
    result = call("my studio.toml")
    assert result.returncode == 2
    assert result.stderr.endswith("did you mean: oscbridge run 'my studio.toml'?\n")


def test_name_with_a_blank_and_without_quotes_is_found(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Mein Pult.toml").touch()
    result = call("run", "Mein", "Pult.toml", "--dry")
    assert result.returncode == 2
    text = "Got unexpected extra argument (Pult.toml); did you mean 'Mein Pult.toml', with quotes?"
    assert result.stderr.endswith(f"{text}\n")


def test_words_that_cannot_be_a_name_are_no_more_than_too_many(call: Call) -> None:
    result = call("run", "a.toml", "9" * 5000)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("Error: Got unexpected extra argument (999")


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("help", "did you mean: oscbridge --help?"),
        ("start", "did you mean 'run'?"),
        ("status", "did you mean 'top'?"),
        ("stop", "Ctrl-C in its terminal, or SIGTERM, stops a bridge"),
    ],
)
def test_command_of_other_programs_leads_to_ours(word: str, fix: str, call: Call) -> None:
    assert call(word).stderr.endswith(f"No such command '{word}'; {fix}\n")


@pytest.mark.parametrize("name", OF_PLUGINS)
def test_command_of_a_missing_plugin_names_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscbridge.plugins.manager.entry_points", lambda **_: [])
    result = CliRunner().invoke(Commands("oscbridge"), [name])
    assert f'install its plugin: pip install "oscbridge[{name}]"' in result.output
    monkeypatch.undo()
    assert name in cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_help_text_is_cut(width: int) -> None:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    groups = [name for name, command in found.items() if isinstance(command, click.Group)]
    assert {"plugins", "midi", "oscquery"} <= {*groups}
    for name in ("", *groups):
        result = CliRunner().invoke(cli, [*name.split(), "--help"], terminal_width=width)
        _, _, commands = result.output.partition("Commands:")
        assert commands
        assert "..." not in commands, commands
        assert max(map(len, commands.splitlines())) <= width


def test_plugins_lists_ours_and_explains_a_broken_one(
    call: Call, tmp_path: Path, environment: dict[str, str]
) -> None:
    info = tmp_path / "laser-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: laser\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[oscbridge]\nlaser = laser\n")
    (tmp_path / "laser.py").write_text("raise RuntimeError('[red] no beam')")
    environment["PYTHONPATH"] = str(tmp_path)
    result = call("plugins")
    assert (result.returncode, result.stderr) == (0, "")
    others, works = result.stdout.split("websocket ", 1)
    assert others.startswith(
        f"osc {version('oscbridge')}\n  offers  endpoint type osc\n  from    built in\n"
    )
    assert (
        "\nlaser 2.5\n  broken  cannot be imported: RuntimeError: [red] no beam "
        f"({tmp_path / 'laser.py'}:1)\n  from    laser\n"
    ) in others
    assert works.startswith(version("oscbridge-websocket"))
    assert "  offers  endpoint type websocket\n" in works
    assert "oscbridge_websocket" in works
