"""Tests of a configuration under pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge import ConfigurationError
from oscbridge.testing import ConfiguredTest, run_configured_tests

SHOW = """
[bridge.stage]
listen = "udp://127.0.0.1:9000"
[endpoint.synth]
type = "osc"
to = "udp://127.0.0.1:9001"
[[route]]
from = "stage"
function = "show_of_a_test:twice"
to = "synth"
[[test]]
name = "twice"
from = "stage"
send = "/a 1"
expect = ["synth /a 1", "synth /a 1"]
[[test]]
name = "once"
from = "stage"
send = "/a 1"
expect = "synth /a 1"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "show_of_a_test.py").write_text("def twice(message):\n    return [message] * 2\n")
    return tmp_path


def test_each_test_has_a_result_with_a_report(folder: Path) -> None:
    twice, once = run_configured_tests(SHOW, folder)
    assert twice == ConfiguredTest("twice", passed=True)
    assert (str(once), once.passed) == ("once", False)
    assert once.report.startswith(
        "synth: expected (-) and received (+)\n"
        "      /a 1\n"
        "    + /a 1\n"
        "\n"
        "/a ,i 1 from bridge stage\n"
    )


def test_invalid_configuration_is_an_error(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"test 1 \(twice\): from = 'stag'"):
        run_configured_tests(SHOW.replace('from = "stage"\nsend', 'from = "stag"\nsend'), folder)
