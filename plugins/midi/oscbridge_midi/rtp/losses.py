"""Counts lost packets of RTP-MIDI."""

from __future__ import annotations

import oscbridge

__all__ = ["LossReport"]


class LossReport:
    """Reports losses to the host."""

    def __init__(self, host: oscbridge.Host) -> None:
        self._host = host

    def count(self, packets: int, is_repaired: bool) -> None:
        """Received packets are missing."""
        if is_repaired:
            why = "packets lost in the network; notes and controllers were repaired"
            self._host.input_dropped("lost", packets, why)
        else:
            why = "packets lost in the network, without a journal; all notes were ended"
            self._host.input_dropped("unrepaired", packets, why)

    def refused(self, packets: int) -> None:
        """The system has not accepted packets."""
        if packets:
            self._host.client_dropped("full", packets, "the system accepts no more packets")
