"""``oscbridge init``"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from oscbridge.cli import cli
from oscbridge.cli.new_configuration import TARGETS
from oscbridge.errors import ConfigurationError
from oscbridge.testing import run_configured_tests


def init(*arguments: str, answers: str = "") -> str:
    result = CliRunner().invoke(cli, ["init", *arguments], input=answers)
    assert result.exit_code == 0, result.output
    return result.output


def failure_of(*arguments: str) -> str:
    """The error that the command ends with."""
    result = CliRunner().invoke(cli, ["init", *arguments])
    assert isinstance(result.exception, ConfigurationError)
    return str(result.exception)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("target", TARGETS)
def test_init_writes_a_file_whose_tests_pass(target: str, folder: Path) -> None:
    init("new.toml", "--to", target, "--yes")
    tests = run_configured_tests((folder / "new.toml").read_text())
    assert [each.passed for each in tests] == [True]


@pytest.mark.parametrize(
    ("target", "sent", "expected"),
    [
        ("lights", "/fader3 1.0", "lights /dmx/1/3 1.0"),
        ("lights", "/dmx/1/12 0.5", "lights /dmx/1/12 0.5"),
        ("midi", "/fader7 1.0", "synth /control 1 7 127"),
        ("midi", "/note_off 1 60 64", "synth /note_off 1 60 64"),
        ("midi", "/control/1/7 64", "synth /control/1/7 64"),
    ],
)
def test_faders_of_touchosc_and_messages_of_the_target_reach_it(
    target: str, sent: str, expected: str, folder: Path
) -> None:
    init("new.toml", "--to", target, "--yes")
    test = f'[[test]]\nname = "t"\nfrom = "stage"\nsend = "{sent}"\nexpect = "{expected}"\n'
    tests = run_configured_tests((folder / "new.toml").read_text() + test)
    assert [each.passed for each in tests] == [True, True]


def test_init_writes_where_the_control_room_is(folder: Path) -> None:
    init("new.toml", "--yes")
    assert '[http]\nlisten   = "127.0.0.1:9180"' in (folder / "new.toml").read_text()


def test_init_asks_five_questions(folder: Path) -> None:
    output = init(answers="9005\nosc\n10.0.0.5:10023\nx32\nstudio.toml\n")
    assert all(f"{number}. " in output for number in range(1, 6))
    text = (folder / "studio.toml").read_text()
    assert '"udp://0.0.0.0:9005"' in text
    assert '"udp://10.0.0.5:10023"' in text
    assert 'profile = "x32"' in text


def test_init_offers_profiles_of_devices(folder: Path) -> None:
    output = init(answers="9000\nosc\n10.0.0.5:1\nnone\nb.toml\n")
    assert "abletonosc, eos, qlab, scsynth, vrchat, x32, xair, or none" in output


@pytest.mark.parametrize(
    ("called", "shown"),
    [("/opt/bin/oscbridge", "/opt/bin/oscbridge"), ("/my env/oscbridge", '"/my env/oscbridge"')],
)
def test_next_command_has_the_path_of_a_program_that_the_shell_does_not_find(
    called: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setenv("PATH", "/nowhere")
    assert f"Then: {shown} run a.toml\n" in init("a.toml", "--yes")


def test_init_asks_only_what_no_option_says(folder: Path) -> None:
    output = init("a.toml", "--port", "9000", "--to", "browser", "--one-way", answers="8090\n")
    assert "1. Which TCP port" in output
    assert "2. " not in output
    assert 'from = "web"' not in (folder / "a.toml").read_text()


def test_init_numbers_the_questions_that_it_asks(folder: Path) -> None:
    output = init(answers="9000\nlights\nmulticast\na.toml\n")  # nothing comes back from lights
    assert "4. What is the file called?" in output
    assert "5. " not in output


def test_init_asks_again_for_an_unknown_profile(folder: Path) -> None:
    output = init(answers="9000\nosc\n10.0.0.5:1\nx33\nnone\nb.toml\n")
    assert "did you mean 'x32'?" in output
    assert "profile" not in (folder / "b.toml").read_text()


def test_init_asks_again_for_a_place_that_is_not_valid(folder: Path) -> None:
    output = init(answers="9000\nosc\n10.0.0.5\n10.0.0.5:9001\nnone\nb.toml\n")
    assert output.count("3. Where is the device or program?") == 2
    assert '"udp://10.0.0.5:9001"' in (folder / "b.toml").read_text()


def test_init_asks_again_for_the_name_of_a_file_that_exists(folder: Path) -> None:
    (folder / "oscbridge.toml").write_text("mine")
    output = init("--one-way", answers="9000\nbrowser\n8080\n\nb.toml\n")
    assert "oscbridge.toml: exists already" in output
    assert (folder / "oscbridge.toml").read_text() == "mine"
    assert (folder / "b.toml").exists()


def test_init_asks_again_for_a_file_in_a_folder_that_does_not_exist(folder: Path) -> None:
    output = init(answers="9000\nlights\nmulticast\nshows/a.toml\nb.toml\n")
    assert "shows/a.toml: no such folder: shows; make it first" in output
    assert (folder / "b.toml").exists()


def test_init_names_a_missing_folder_before_any_question() -> None:
    assert "a.toml: no such folder: shows" in failure_of("shows/a.toml")  # nobody answers


def test_init_names_a_folder_that_cannot_be_written_before_any_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert re.search(r"^a\.toml: the folder \S+ cannot be written; name", failure_of("a.toml"))


def test_init_takes_answers_in_upper_case(folder: Path) -> None:
    init(answers="9000\nOSC\n10.0.0.5:1\nNone\nb.toml\n")
    assert 'type = "osc"' in (folder / "b.toml").read_text()


def test_init_explains_a_port_that_is_not_valid(folder: Path) -> None:
    output = init(answers="abc\n9000\nbrowser\nabc\n0.0.0.0:8081\ny\nb.toml\n")
    assert "'abc' is not a valid port.\n" in output
    assert "'abc' is not a valid port; write it as host:port" in output
    assert 'listen = "0.0.0.0:8081"' in (folder / "b.toml").read_text()


def test_init_names_an_existing_file_before_any_question(folder: Path) -> None:
    (folder / "a.toml").write_text("mine")
    assert "a.toml: exists already" in failure_of("a.toml")  # nobody answers


def test_init_with_a_profile_is_for_an_osc_device(folder: Path) -> None:
    init("--profile", "x32", "--at", "10.0.0.5:10023", "--yes")
    assert 'profile = "x32"' in (folder / "oscbridge.toml").read_text()


def test_init_says_which_plugins_are_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscbridge.plugins.manager.entry_points", lambda **_: [])
    assert 'pip install "oscbridge[midi]"' in init("a.toml", "--to", "midi", "--yes")
    assert 'pip install "oscbridge[dmx]"' in init("b.toml", "--to", "lights", "--yes")
    output = init("c.toml", "--example", "touchosc-to-synth")
    assert 'It needs a plugin: pip install "oscbridge[midi]"' in output
    assert (folder / "c.toml").exists()


def test_init_takes_a_whole_url_as_the_place(folder: Path) -> None:
    init("--to", "osc", "--at", "tcp://10.0.0.5:9001", "--yes")
    assert '"tcp://10.0.0.5:9001"' in (folder / "oscbridge.toml").read_text()


@pytest.mark.parametrize("option", ["--port=1", "--to=osc", "--at=x", "--profile=x32", "--one-way"])
def test_init_with_an_example_takes_no_answers(option: str, folder: Path) -> None:
    result = CliRunner().invoke(cli, ["init", "--example", "doorbell", option])
    assert result.exit_code == 2
    assert "takes no answers to questions" in result.output
    assert list(folder.iterdir()) == []


def test_init_replaces_nothing(folder: Path) -> None:
    (folder / "oscbridge.toml").write_text("mine")
    assert "exists already" in failure_of("--yes")
    assert (folder / "oscbridge.toml").read_text() == "mine"


def test_init_leaves_no_file_after_an_answer_that_is_not_valid(folder: Path) -> None:
    error = failure_of("c.toml", "--to", "osc", "--at", 'a"b:1', "--yes")
    assert "is not a valid host" in error
    assert not (folder / "c.toml").exists()


def test_init_takes_an_example(folder: Path) -> None:
    init("--example", "doorbell")
    assert "/hook/bell" in (folder / "oscbridge.toml").read_text()
