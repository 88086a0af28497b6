"""The NATS endpoint follows the rules of the plugin contract, with a server as its peer."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge.testing.conformance import RULES, CheckedType, Rule
from oscbridge_nats.endpoint import NATSEndpoint

OPTIONS: list[oscbridge.TomlTable] = [{}, {"payload": "json"}]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_nats_endpoint_follows_the_rule(rule: Rule, options: oscbridge.TomlTable) -> None:
    result = rule.check(CheckedType(NATSEndpoint, "nats", options))
    assert result.outcome == "passed", result.text
