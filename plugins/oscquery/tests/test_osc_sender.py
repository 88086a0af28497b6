"""Sending OSC to a server."""

from __future__ import annotations

import socket

import pytest

from oscbridge_oscquery import osc_sender
from oscbridge_oscquery.osc_sender import OSCSender


async def test_datagram_that_the_system_does_not_take_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(osc_sender, "MAX_BUSY", 3)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:  # nobody reads: the system takes what fits its buffer
        near.setblocking(False)
        sender = OSCSender(near, ("", 0))
        taken = 0
        while not (rejected := await sender.send([bytes(1_000)])):
            taken += 1
            assert taken < 100_000
    assert "no further datagram" in str(rejected[0])
