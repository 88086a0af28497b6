"""``oscbridge midi`` with real ports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.load
def test_ports_and_learn_find_real_ports(jack: Any) -> None:
    peer = jack.peer("gear")
    program = str(Path(sys.executable).with_name("oscbridge"))
    listed = jack.run(program, "midi", "ports", "--backend", "jack")
    assert "outputs\n  0  gear reads:in" in listed
    learning = jack.start(
        program, "midi", "learn", "gear", "--backend", "jack", "--count", 1, "--from", "osc"
    )
    learning.said("# move a control of 'gear writes:out'")
    for wire in ("b0 07 40", "b0 27 01", "b0 07 41", "b0 27 02"):
        peer.write(wire)
    learning.said('match = "/control14/1/7"')
    assert learning.wait() == 0


@pytest.mark.load
def test_ports_are_devices_that_could_be_added(jack: Any) -> None:
    jack.peer("gear")
    program = str(Path(sys.executable).with_name("oscbridge"))
    listed = jack.run(program, "devices", "--timeout", "0.5")
    assert 'type    = "midi"\noutput  = "gear reads:in"\nbackend = "jack"' in listed
