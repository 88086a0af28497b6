"""Names and versions of distributions, read without parsing all of their metadata."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from oscbridge.distributions import name_and_version, version


@pytest.mark.parametrize("found", list(metadata.distributions()), ids=lambda found: found.name)
def test_name_and_version_are_those_of_the_metadata(found: metadata.Distribution) -> None:
    assert name_and_version(found) == (found.name, found.version)


def test_distribution_without_such_a_file_is_read_by_the_library(tmp_path: Path) -> None:
    folder = tmp_path / "lamp.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: lamp\nVersion: 1.2\n\nVersion: 9\n"
    )
    assert name_and_version(metadata.PathDistribution(folder)) == ("lamp", "1.2")


def test_version_of_a_missing_distribution_is_an_error() -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        version("not-installed")
