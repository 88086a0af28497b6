"""The conformance suite: whether a type of endpoints follows the plugin contract.

``oscbridge plugins check NAME`` runs it; so can the tests of a plugin, which must not be
coroutines::

    @pytest.mark.parametrize("rule", RULES, ids=str)
    def test_lamp_conforms(rule: Rule) -> None:
        result = rule.check(CheckedType(Lamp, peer=LampPeer))
        assert result.outcome != "failed", result.text
"""

from oscbridge.testing.conformance.bridge_rules import BRIDGE_RULES
from oscbridge.testing.conformance.cancellation_rules import CANCELLATION_RULES
from oscbridge.testing.conformance.checked_type import CheckedType
from oscbridge.testing.conformance.class_rules import CLASS_RULES
from oscbridge.testing.conformance.client_peer import ClientPeer
from oscbridge.testing.conformance.isolation import Outcome
from oscbridge.testing.conformance.life_rules import LIFE_RULES
from oscbridge.testing.conformance.neighbour_rules import NEIGHBOUR_RULES
from oscbridge.testing.conformance.peer import Peer, PeerMissing
from oscbridge.testing.conformance.rule import Rule, RuleResult
from oscbridge.testing.conformance.tcp_server_peer import TCPServerPeer

__all__ = [
    "RULES",
    "CheckedType",
    "ClientPeer",
    "Outcome",
    "Peer",
    "PeerMissing",
    "Rule",
    "RuleResult",
    "TCPServerPeer",
]

RULES: tuple[Rule, ...] = (
    *CLASS_RULES,
    *LIFE_RULES,
    *NEIGHBOUR_RULES,
    *CANCELLATION_RULES,
    *BRIDGE_RULES,
)
"""All rules, in the order in which they are to be applied."""
