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
    sends_nothing = peer is ReceiverPeer and str(rule) == "receiving"
    assert result.outcome == ("not run" if sends_nothing else "passed"), result.text
