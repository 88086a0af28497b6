"""The endpoints follow the rules of the plugin contract."""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge.testing.conformance import RULES, CheckedType, Peer, Rule
from oscbridge_dmx.artnet import ArtnetEndpoint
from oscbridge_dmx.conformance import ArtnetPeer, SacnPeer
from oscbridge_dmx.sacn import SacnEndpoint


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize(
    ("endpoint", "name", "peer"),
    [(SacnEndpoint, "sacn", SacnPeer), (ArtnetEndpoint, "artnet", ArtnetPeer)],
    ids=["sacn", "artnet"],
)
def test_endpoint_follows_the_rule(endpoint: Any, name: str, peer: type[Peer], rule: Rule) -> None:
    result = rule.check(CheckedType(endpoint, name, peer=peer))
    assert result.outcome == "passed", result.text
