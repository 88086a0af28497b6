"""The README agrees with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge.recording import MAX_RECORDING_SIZE, MAX_RECORDINGS
from oscbridge.testing import PluginReadme, check_configuration
from oscbridge_ui import connection, greeting, protocol_base, value_store
from oscbridge_ui.surface import models

FOLDER = Path(__file__).parents[1]
README = PluginReadme(FOLDER / "README.md")

TEXTS = [
    f"up to {value_store.MAX_ADDRESSES:,} of them",
    f"At most {greeting.MAX_PAGES} pages",
    f"stay known for {value_store.KEPT:g} seconds",
    f"of up to {value_store.MAX_HISTORIES:,} addresses",
    f"within {greeting.HELLO_TIMEOUT:g} seconds",
    f"at most {protocol_base.MAX_RATE} times per second",
    f"with the code {connection.INVALID}, missing access with {connection.DENIED}",
    f"subprotocol `{protocol_base.SUBPROTOCOL}`",
    f"at most {models.MAX_PAGES} pages with {models.MAX_WIDGETS} controls each",
    f"at most {MAX_RECORDINGS:,} of up to {MAX_RECORDING_SIZE // 10**9} GB each",
]


@pytest.mark.parametrize("text", TEXTS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README.text


def test_sample_configuration_is_valid(tmp_path: Path) -> None:
    (sample,) = README.blocks("toml")
    check_configuration(sample, tmp_path)
