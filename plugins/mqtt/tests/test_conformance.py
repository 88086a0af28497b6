"""The MQTT endpoint follows the rules of the plugin contract, with Mosquitto as its peer."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge.testing.conformance import RULES, CheckedType, Rule
from oscbridge_mqtt.endpoint import MQTTEndpoint

OPTIONS: list[oscbridge.TomlTable] = [{"qos": 0}, {"qos": 1}, {"qos": 1, "version": "3.1.1"}]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_mqtt_endpoint_follows_the_rule(rule: Rule, options: oscbridge.TomlTable) -> None:
    result = rule.check(CheckedType(MQTTEndpoint, "mqtt", options))
    assert result.outcome == "passed", result.text
