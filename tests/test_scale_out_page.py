"""docs/scale-out.md and the files of the compose clusters: valid, with the numbers of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge.bridge.config.config import load, parse
from oscbridge.bridge.config.process_models import LeaderOptions
from oscbridge.bridge.leadership import LEASE_MARGIN, RENEWALS
from oscbridge.plugins.manager import Plugins

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/scale-out.md").read_text()
FILES = sorted((ROOT / "docker/cluster").glob("*.toml"))


def test_the_sample_of_main_and_backup_is_valid() -> None:
    (sample,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    leader = parse(sample, Plugins().endpoint_types, "main.toml").run.leader
    assert leader is not None
    assert leader.endpoint == "hub"


def test_the_times_of_a_lease_are_those_of_the_code() -> None:
    default = LeaderOptions(endpoint="hub")
    assert f"| `key` | `{default.key!r}` |".replace("'", '"') in PAGE
    assert f"| `ttl` | `{default.ttl:g}` |" in PAGE
    assert (RENEWALS, LEASE_MARGIN) == (5, 1 / 5)  # "five times", "in the last fifth"
    assert f"it stops {default.ttl * (1 - LEASE_MARGIN):g} s after" in PAGE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_of_the_clusters_are_valid(file: Path) -> None:
    load(file, Plugins().endpoint_types)


def test_every_linked_file_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
