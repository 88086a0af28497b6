"""The changelog lists every key with a new name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from oscbridge.bridge.config.endpoint_models import HostOptions, SpoolOptions
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.contract.options import Options
from oscbridge.plugins.manager import Plugins

CHANGELOG = (Path(__file__).parents[1] / "CHANGELOG.md").read_text()


def models() -> Iterator[type[Options]]:
    yield from (LimitOptions, HostOptions, SpoolOptions, HTTPOptions, RunOptions)
    for endpoint in Plugins().endpoint_types.values():
        yield endpoint.options_type
        if endpoint.route_options_type is not None:
            yield endpoint.route_options_type


def test_changelog_lists_every_renamed_key() -> None:
    listed = set(re.findall(r"^\|[^|]*\| `(\w+)` \| `(\w+)` \|$", CHANGELOG, re.MULTILINE))
    assert {pair for model in models() for pair in model.renamed_keys.items()} <= listed
