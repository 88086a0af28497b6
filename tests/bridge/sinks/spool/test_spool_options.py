"""The keys of a spool in the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from spool_harness import (
    Sink,
)

from oscbridge import (
    ConfigurationError,
)
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds

# --- its configuration -------------------------------------------------------------------------


def bounds(text: str, directory: Path | None = None) -> SpoolBounds | None:
    text = f'[endpoint.house]\ntype = "sink"\n{text}'
    return parse(text, {"sink": Sink}, "x.toml", directory).endpoints["house"].runner.spool


def problem_of(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, {"sink": Sink}, "x.toml")
    return str(caught.value)


def test_default_path_is_in_the_state_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "oscbridge" / "house.spool"
    assert bounds('policy = "spool"') == SpoolBounds(file, 100_000_000, 604_800.0)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = bounds('policy = "spool"')
    assert found is not None
    assert found.path == tmp_path / ".local" / "state" / "oscbridge" / "house.spool"


def test_relative_path_starts_at_the_directory_of_the_configuration(tmp_path: Path) -> None:
    found = bounds('policy = "spool"\nspool = { path = "a/b.spool", max_size = 2000000 }', tmp_path)
    assert found == SpoolBounds(tmp_path / "a" / "b.spool", 2_000_000, 604_800.0)


def test_other_policies_have_no_file() -> None:
    assert bounds('policy = "latest"') is None


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            "spool.max_size = 10",
            "endpoint.a.spool.max_size = 10: must be at least 1048576; the default is",
        ),
        (
            "max_age = 0",
            "endpoint.a.max_age = 0: must be at least 0.01",
        ),
        ("spool.path = 5", "endpoint.a.spool.path = 5: expected the name of a file, in quotes"),
        ('spool.path = ""', "endpoint.a.spool.path = '': expected the name of a file, in quotes"),
        ('spool.pth = "x"', "endpoint.a.spool.pth: unknown key; did you mean 'path'?"),
        ("spool = 5", "endpoint.a.spool = 5:"),
    ],
)
def test_problem_of_a_spool_is_one_clear_line(lines: str, text: str) -> None:
    found = problem_of(f'[endpoint.a]\ntype = "sink"\npolicy = "spool"\n{lines}')
    assert found.startswith(f"x.toml: {text}")
    assert "\n" not in found


def test_two_endpoints_cannot_share_a_file() -> None:
    one = '[endpoint.{}]\ntype = "sink"\npolicy = "spool"\nspool.path = "{}"\n'
    found = problem_of(one.format("a", "x/y.spool") + one.format("b", "x/../x/y.spool"))
    assert re.fullmatch(
        r"x\.toml: endpoint\.b\.spool\.path: /\S+/x/y\.spool is already used by endpoint\.a; "
        "choose another file",
        found,
    )


def test_spool_keys_without_the_policy_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert bounds('[endpoint.a]\ntype = "sink"\nspool.max_size = 2000000') is None
    text = "endpoint.a.spool: no effect with the policy 'drop_oldest'; set policy = \"spool\""
    assert f"x.toml: {text}" in caplog.messages
