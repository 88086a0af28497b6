"""The OSCQuery endpoint follows the rules of the plugin contract, as a server and as a client."""

from __future__ import annotations

import pytest

from oscbridge.testing.conformance import RULES, CheckedType, Peer, Rule
from oscbridge_oscquery.conformance import ListeningPeer, MirroredPeer
from oscbridge_oscquery.endpoint import OSCQueryEndpoint


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("peer", [ListeningPeer, MirroredPeer])
def test_oscquery_endpoint_follows_the_rule(rule: Rule, peer: type[Peer]) -> None:
    result = rule.check(CheckedType(OSCQueryEndpoint, "oscquery", peer=peer))
    assert result.outcome == "passed", result.text
