"""docs/reference/steps.md: its configurations are valid, and its order is that of ``[[route]]``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge.bridge.config.config import parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/reference/steps.md").read_text()
AROUND = (
    '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
    '[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:9001"\n'
)
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_is_valid(text: str) -> None:
    found = parse(AROUND + text, {"osc": OSCEndpoint}, "page.toml")
    assert all(route.needs_bridge for route in found.routes)


def test_steps_are_in_the_order_of_the_other_page() -> None:
    steps = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Variables")[0], re.MULTILINE)
    sentence = re.search(
        r"steps of a route run in this order.*?: (.*?)\.",
        (ROOT / "docs/reference/configuration/route.md").read_text(),
    )
    assert sentence is not None
    assert steps == re.findall(r"`(\w+)`", sentence[1])
