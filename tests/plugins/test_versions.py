"""Plugins that are released with the bridge must have its version; others have their own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from oscbridge.cli import Commands
from oscbridge.distributions import version_mismatch
from oscbridge.plugins.manager import Plugin

Install = Callable[..., None]
Load = Callable[[], dict[str, Plugin]]

BRIDGE = version("oscbridge")
LINE = (
    f"oscbridge-dmx is version 0.0.9, but oscbridge is {BRIDGE}; install both in one version: "
    'pip install --upgrade "oscbridge[dmx]"'
)


def test_version_of_every_installed_plugin_fits() -> None:
    for name in ("websocket", "mqtt", "nats", "midi", "dmx", "serial", "oscquery", "webhook", "ui"):
        assert version_mismatch(f"oscbridge-{name}", version(f"oscbridge-{name}")) == ""


def test_plugin_of_another_version_is_named_at_the_start_and_works(
    install: Install, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    install("dmx", "", version="0.0.9")
    with caplog.at_level(logging.WARNING, "oscbridge"):
        plugin = load()["dmx"]
    assert (plugin.mismatch, plugin.error) == (LINE, None)
    assert [each.getMessage() for each in caplog.records] == [f"plugin 'dmx': {LINE}"]


def test_list_of_plugins_names_a_plugin_of_another_version(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "oscbridge")  # which the command changes: set it back
    install("dmx", "", version="0.0.9")
    result = CliRunner().invoke(Commands(), ["plugins"])
    assert result.exit_code == 0
    assert result.output.count(f"  version  {LINE}\n") == 1
    assert result.output.count("  version  ") == 1


def test_version_of_a_plugin_of_others_is_its_own(
    install: Install, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    install("lamp", "", version="7.3")
    assert load()["lamp"].mismatch == ""
    assert caplog.records == []
