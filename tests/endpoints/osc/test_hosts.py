"""The hosts and addresses that the keys of an OSC endpoint accept."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from oscbridge import HostPort
from oscbridge.endpoints.osc.endpoint import OSCEndpoint, OSCOptions

OPTIONS = OSCEndpoint.options_type


@pytest.mark.parametrize("listen", ["0.0.0.0:9001", "udp://0.0.0.0:9001", "udp://0.0.0.0:9001/"])
def test_listen_is_an_address_or_a_url(listen: str) -> None:
    options = OPTIONS.model_validate({"to": "udp://127.0.0.1:9000", "listen": listen})
    assert isinstance(options, OSCOptions)
    assert options.listen == HostPort("0.0.0.0", 9001)


@pytest.mark.parametrize("listen", ["tcp://0.0.0.0:9001", "tcp+1.0://0.0.0.0:9001"])
def test_listen_by_tcp_is_refused(listen: str) -> None:
    with pytest.raises(ValidationError, match="only for udp://"):
        OPTIONS.model_validate({"to": "udp://127.0.0.1:9000", "listen": listen})


@pytest.mark.parametrize(
    "table",
    [
        {"to": "udp://127.000.000.020:9000"},
        {"to": "tcp://192.168.1:9000"},
        {"to": "udp://*:9000"},
        {"to": "udp://${DESK}:9000"},
        {"to": "udp://desk name:9000"},
        {"to": "udp://127.0.0.1:9000", "listen": "192.168.1.x:9001"},
        {"to": "udp://127.0.0.1:9000", "listen": "udp://192.168.1.300:9001"},
        {"to": "udp://239.1.2.3:9000", "interface": "192.168.1"},
    ],
    ids=str,
)
def test_impossible_host_is_refused(table: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"not a valid|placeholder"):
        OPTIONS.model_validate(table)
