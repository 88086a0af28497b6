"""The README agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge.testing import check_configuration
from oscbridge_dmx import artnet, sacn
from oscbridge_dmx.options import ArtnetOptions, SacnOptions
from oscbridge_dmx.output import KEEPALIVE

README = (Path(__file__).parent.parent / "README.md").read_text()


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
def test_sample_configuration_is_valid(text: str) -> None:
    check_configuration(text)  # raises nothing


def test_table_lists_every_option_with_its_default() -> None:
    table = README.partition("| key | default |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE))
    fields = {**ArtnetOptions.model_fields, **SacnOptions.model_fields}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        if isinstance(field.default, int | str) and name != "port":
            default = str(field.default).lower()
            assert rows[name].strip('`"') == default.removesuffix(".0"), name


def test_every_option_is_explained() -> None:
    for model in (ArtnetOptions, SacnOptions):
        assert all(field.description for field in model.model_fields.values())


def test_times_are_those_of_the_code() -> None:
    assert f"every {KEEPALIVE} s" in README
    assert f"silent for {sacn.SOURCE_TIMEOUT} s" in README
    assert f"of Art-Net for {artnet.SOURCE_TIMEOUT:g} s" in README
