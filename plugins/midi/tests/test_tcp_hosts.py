"""The hosts that the URL of a MIDI port over TCP accepts."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge_midi import tcp


@pytest.mark.parametrize("host", ["192.168.001.020", "192.168.1", "192.168.1.x", "${SYNTH}", "*"])
def test_impossible_host_of_a_tcp_port_is_refused(host: str) -> None:
    with pytest.raises(oscbridge.HostError):
        tcp.parse(f"midi+tcp://{host}:9000")
