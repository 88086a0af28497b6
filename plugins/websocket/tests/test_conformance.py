"""The WebSocket endpoint follows the rules of the plugin contract."""

from __future__ import annotations

import pytest

from oscbridge.testing.conformance import RULES, CheckedType, Rule
from oscbridge_websocket.endpoint import WebSocketEndpoint


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_websocket_endpoint_follows_the_rule(rule: Rule) -> None:
    result = rule.check(CheckedType(WebSocketEndpoint, "websocket"))
    assert result.outcome == "passed", result.text
