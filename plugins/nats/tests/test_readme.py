"""The README agrees with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

import oscbridge
from oscbridge.testing import PluginReadme, check_configuration
from oscbridge_nats import headers, subjects
from oscbridge_nats.options import NATSOptions, NATSRoute, Subscription

README = PluginReadme(Path(__file__).parent.parent / "README.md")


@pytest.mark.parametrize("sample", README.blocks("toml"))
def test_sample_configurations_are_valid(sample: str, tmp_path: Path) -> None:
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, NATSOptions) for options in endpoints.values())


TABLES: list[tuple[str, type[oscbridge.Options]]] = [
    ("| key |", NATSOptions),
    ("| key in a route |", NATSRoute),
    ("| key of a subscription |", Subscription),
]


@pytest.mark.parametrize(("head", "model"), TABLES)
def test_table_lists_every_key_with_its_default(head: str, model: type[oscbridge.Options]) -> None:
    README.check_options(head, model, defaults={"servers": '`"nats://127.0.0.1:4222"`'})


BOUNDS = [
    f"at most {subjects.MAX_SUBJECT:,} bytes",
    f"more than {headers.MAX_HOPS} bridges",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README.text


@pytest.mark.parametrize(
    ("address", "subject"), [("/a//b", "osc.a.%.b"), ("fader/1", "osc.%_fader.1")]
)
def test_escapes_are_those_of_the_code(address: str, subject: str) -> None:
    assert subjects.subject_of(address, "osc") == subject
