"""The hosts that the URL of a broker accepts."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge_mqtt.broker import BrokerURL


@pytest.mark.parametrize("host", ["192.168.001.020", "192.168.1", "192.168.1.x", "${BROKER}"])
@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
def test_impossible_host_of_a_broker_is_refused(scheme: str, host: str) -> None:
    with pytest.raises(oscbridge.HostError):
        BrokerURL.parse(f"{scheme}://{host}")
