"""The OSC endpoint follows the rules of the plugin contract, over UDP and TCP."""

from __future__ import annotations

import pytest

from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.testing.conformance import RULES, CheckedType, Peer, Rule
from oscbridge.testing.osc_peers import OSCTCPPeer, OSCUDPPeer


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("peer", [OSCUDPPeer, OSCTCPPeer])
def test_osc_endpoint_follows_the_rule(rule: Rule, peer: type[Peer]) -> None:
    result = rule.check(CheckedType(OSCEndpoint, "osc", peer=peer))
    assert result.outcome == "passed", result.text
