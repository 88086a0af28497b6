"""``oscbridge doctor``"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from oscbridge.cli import cli, doctor
from oscbridge.cli.doctor_facts import Fact
from oscbridge.plugins import Plugins


def run() -> str:
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 0, result.output
    return result.output


def test_doctor_fits_one_screen_and_names_the_plugins() -> None:
    output = run()
    assert len(output.splitlines()) < 40
    assert re.search(r"^  installed +osc .*websocket", output, re.MULTILINE)


def test_doctor_shows_no_value_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSCBRIDGE__TOKEN", "very-secret")
    output = run()
    assert "OSCBRIDGE__TOKEN" in output
    assert "very-secret" not in output


def test_doctor_says_which_port_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("0.0.0.0", 9000))
        except OSError:
            pass  # then another program has it
        assert not re.search(r"UDP 9000 +free", run())


def test_doctor_names_what_it_cannot_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plugins: Plugins) -> Iterator[Fact]:
        raise KeyError("clock")
        yield Fact("never", "")

    monkeypatch.setattr(doctor, "SECTIONS", (("Broken", broken),))
    output = run()
    assert re.search(r"^! unknown +KeyError: 'clock'", output, re.MULTILINE)
    assert "1 problem found, marked with !" in output
