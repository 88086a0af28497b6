"""The webhook endpoint follows the rules of the plugin contract, in both directions."""

from __future__ import annotations

import pytest

from oscbridge.testing.conformance import RULES, CheckedType, Peer, Rule
from oscbridge_webhook.conformance import ReceiverPeer, StreamPeer
from oscbridge_webhook.endpoint import WebhookEndpoint


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("peer", [ReceiverPeer, StreamPeer])
def test_webhook_endpoint_follows_the_rule(rule: Rule, peer: type[Peer]) -> None:
    result = rule.check(CheckedType(WebhookEndpoint, "webhook", peer=peer))
    assert result.outcome == "passed", result.text
