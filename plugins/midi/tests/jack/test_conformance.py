"""The MIDI endpoint follows the rules of the plugin contract with ports of the system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Jack

PROGRAM = Path(__file__).parent / "conformance.py"

pytestmark = pytest.mark.load  # the MIDI system does not respond in time when the processor is busy


def test_endpoint_with_virtual_ports_follows_the_rules(jack: Jack) -> None:
    program = jack.start(sys.executable, PROGRAM)
    program.line("done", wait=50)
    results = [line for line in program.all if ": " in line]
    assert len(results) == 12
    assert [line for line in results if not line.endswith(": passed")] == []
