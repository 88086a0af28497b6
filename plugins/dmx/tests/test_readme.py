"""The README agrees with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge.testing import PluginReadme, check_configuration
from oscbridge_dmx import artnet, sacn
from oscbridge_dmx.options import ArtnetOptions, SacnOptions
from oscbridge_dmx.output import KEEPALIVE

README = PluginReadme(Path(__file__).parent.parent / "README.md")


@pytest.mark.parametrize("text", README.blocks("toml"))
def test_sample_configuration_is_valid(text: str) -> None:
    check_configuration(text)  # raises nothing


def test_table_lists_every_option_with_its_default() -> None:
    own = {"to": "none", "receive": "none", "interface": "any", "allow": "all", "fine": "none"}
    ports = {"port": "`5568`, `6454`"}
    README.check_options("| key |", ArtnetOptions, SacnOptions, defaults={**own, **ports})


def test_times_are_those_of_the_code() -> None:
    assert f"every {KEEPALIVE} s" in README.text
    assert f"silent for {sacn.SOURCE_TIMEOUT} s" in README.text
    assert f"of Art-Net for {artnet.SOURCE_TIMEOUT:g} s" in README.text
