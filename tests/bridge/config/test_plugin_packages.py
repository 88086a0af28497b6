"""The suggested fix for an endpoint type that is not available."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.plugin_packages import PACKAGES, suggest_type
from oscbridge.errors import ConfigurationError


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("mqtt", "install the plugin that offers it: pip install oscbridge-mqtt"),
        ("mqt", "did you mean 'mqtt'? Install it with: pip install oscbridge-mqtt"),
        ("ocs", "did you mean 'osc'?"),
        ("laser", "available: osc"),
        ("all", "available: osc"),
    ],
)
def test_only_our_own_packages_are_suggested(word: str, fix: str) -> None:
    assert suggest_type(word, ["osc"]) == fix


@pytest.mark.parametrize(
    "text",
    [
        '[endpoint.a]\ntype = "requests"',
        '[bridge.a]\n[endpoint.b]\ntype = "requests"\n'
        '[[route]]\nfrom = "a"\nto = "b"\nrequests = { x = 1 }',
    ],
)
def test_configuration_error_never_suggests_what_the_user_typed(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, {}, "x.toml")
    assert "pip install" not in str(caught.value)


def test_suggested_packages_are_the_extras_of_this_project() -> None:
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    extras = set(re.findall(r'^\w+ = \["(oscbridge-\w+)==[^"]+"\]$', project, re.MULTILINE))
    assert extras - {"oscbridge-ui"} == set(PACKAGES.values())  # it has no endpoint type
