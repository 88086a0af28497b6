"""``oscbridge run --qr``: the address of the control room for the camera of a phone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge.discovery.own_addresses import own_addresses
from oscbridge.testing import running_process

BRIDGE = '[bridge.a]\nlisten = "udp://127.0.0.1:0"\n'
DRAWN = re.compile("[▀▄█]")


@pytest.mark.parametrize(
    ("text", "expected", "is_drawn"),
    [
        ('[http]\nlisten = "0.0.0.0:0"\n', r"^http://[^/]+/#token=\S+$", True),
        ('[http]\nlisten = "127.0.0.1:0"\n', "only this machine can open the control room", False),
        ("", "the control room is not served", False),
    ],
)
def test_code_is_drawn_where_others_can_open_the_control_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    expected: str,
    is_drawn: bool,
) -> None:
    if is_drawn and not own_addresses():
        expected, is_drawn = "only this machine can open the control room", False
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with running_process(text + BRIDGE, "--qr", folder=tmp_path) as process:
        process.wait_for(f"(?m){expected}")
        assert bool(DRAWN.search(process.output)) is is_drawn
