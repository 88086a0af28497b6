"""The hosts that clients accept."""

from __future__ import annotations

import pytest

from oscbridge import HostError
from oscbridge.tcp_client import TCPClient
from oscbridge.udp_client import UDPClient


@pytest.mark.parametrize("host", ["127.000.000.020", "127.1", "desk name"])
@pytest.mark.parametrize("client", [UDPClient, TCPClient])
def test_client_refuses_a_host_that_can_never_exist(
    host: str, client: type[UDPClient | TCPClient]
) -> None:
    with pytest.raises(HostError):
        client(host, 9)
