"""Requests for known addresses, and what the status says about them."""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge import AddressInfo, ValueRange
from oscbridge.bridge.addresses.space import AddressSpace
from oscbridge.errors import ConfigurationError
from oscbridge.monitoring.address_requests import (
    BATCH,
    MAX_ABOUT,
    about,
    answer_addresses,
    described,
)
from oscbridge.monitoring.address_table import Row
from oscbridge.status.address_counts import AddressCounts
from oscbridge.testing import running_bridge

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9"
profile = "x32"
[[route]]
from = "stage"
match = "/lamp/{1..3}"
scale = [0, 1, 0, 127]
to = "desk"
"""
NAMES = ["stage", "desk"]


def answers(space: AddressSpace, **request: object) -> tuple[list[Any], Any]:
    *lines, summary = answer_addresses(request, space, NAMES)
    assert all(len(line["addresses"]) <= BATCH for line in lines)  # type: ignore[arg-type]
    return [each for line in lines for each in line["addresses"]], summary  # type: ignore[attr-defined]


async def test_addresses_are_answered_in_batches() -> None:
    async with running_bridge(CONFIGURATION, installed=False) as bridge:
        infos, summary = answers(bridge.addresses)
        assert len(infos) == summary["total"] == summary["known"] == 3_129
        infos, summary = answers(bridge.addresses, match="/lamp/*", limit=2)
        assert [each["address"] for each in infos] == ["/lamp/1", "/lamp/2"]
        assert (summary["total"], summary["known"]) == (3, 3_129)
        infos, _ = answers(bridge.addresses, part="stage")
        assert infos[0]["ranges"] == [{"min": 0, "max": 1}]
        infos, _ = answers(bridge.addresses, visible_to="desk")
        assert infos[0]["ranges"] == [{"min": 0, "max": 127}]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"part": "dest"}, "'dest': no such bridge or endpoint; did you mean 'desk'?"),
        ({"visible_to": 3}, "3: no such bridge or endpoint"),
        ({"match": 3}, "match: expected a pattern"),
        ({"match": "/{a"}, "unclosed '{'"),
        ({"limit": -1}, "limit: expected a number"),
    ],
)
async def test_invalid_request_is_refused(request_: dict[str, object], text: str) -> None:
    async with running_bridge(CONFIGURATION, installed=False) as bridge:
        with pytest.raises(ConfigurationError) as raised:
            answers(bridge.addresses, **request_)
        assert text in str(raised.value)


async def test_status_counts_addresses_after_somebody_asked() -> None:
    async with running_bridge(CONFIGURATION, installed=False) as bridge:
        assert bridge.status().addresses == AddressCounts()
        assert "oscbridge_known_addresses{" not in bridge.metrics()
        assert bridge.addresses.known
        assert bridge.status().addresses == AddressCounts({"configuration": 6, "profile": 3_126})
        assert 'oscbridge_known_addresses{origin="profile"} 3126' in bridge.metrics()


async def test_rows_say_what_is_known_about_their_addresses() -> None:
    def row(address: str) -> Row:
        return Row(address, ("stage",), (), "", "f", "0.5", 1.0, 0.0)

    async with running_bridge(CONFIGURATION, installed=False) as bridge:
        rows = [row("/ch/01/mix/fader"), row("/none"), row("/lamp/1")]
        abouts = [each.about for each in described(rows, bridge.addresses)]
        assert abouts == ["0 to 1  Fader of channel 1", "", "0 to 1"]


def test_description_of_a_row_is_cut() -> None:
    info = AddressInfo("/a", "ff", (ValueRange(0, 1), ValueRange(0)), description="x" * 500)
    assert about(info).startswith("0 to 1, from 0  xxx")
    assert len(about(info)) == MAX_ABOUT
