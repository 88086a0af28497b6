"""The endpoint follows the rules of the plugin contract."""

from __future__ import annotations

import pytest

from oscbridge.testing.conformance import RULES, CheckedType, Rule
from oscbridge_serial.conformance import PseudoTerminalPeer
from oscbridge_serial.endpoint import SerialEndpoint


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_endpoint_follows_the_rule(rule: Rule) -> None:
    result = rule.check(CheckedType(SerialEndpoint, "serial", peer=PseudoTerminalPeer))
    assert result.outcome == "passed", result.text
