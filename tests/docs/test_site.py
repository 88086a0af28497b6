"""The manual is built without a warning, and shows what the pages promise."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import DOCS, PAGES, ROOT

import oscbridge
from oscbridge_docs.links import pages_without_source

BUILD_TIMEOUT = 300.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built manual."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html"]
    # Without the names of Python in the navigation, which is on each page: half of the time.
    command += ["-j", "auto", "-D", "toc_object_entries=0"]
    command += ["-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    return folder / "html"


pytestmark = pytest.mark.timeout(BUILD_TIMEOUT + 30)


def test_every_page_is_built(site: Path) -> None:
    missing = pages_without_source()
    for page in PAGES:
        if page.is_relative_to(DOCS) and str(page.relative_to(DOCS)) not in missing:
            assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file(), page


def test_every_plugin_has_a_page(site: Path) -> None:
    for file in ROOT.glob("plugins/*/README.md"):
        assert (site / "reference" / "plugins" / f"{file.parent.name}.html").is_file()


def test_nothing_is_left_to_be_generated(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert "{generated} " not in page.read_text("utf-8"), page


def test_images_are_part_of_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        for source in re.findall(r'<img [^>]*src="([^"]+)"', page.read_text("utf-8")):
            assert "://" not in source
            assert (page.parent / source).is_file(), f"{page}: {source}"


def test_pages_need_nothing_of_other_hosts(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = re.findall(
            r'<(?:script|link|img|iframe) [^>]*(?:src|href)="(https?:[^"]+)',
            page.read_text("utf-8"),
        )
        assert not found, f"{page}: {found}"


def test_every_public_name_is_documented(site: Path) -> None:
    text = (site / "reference" / "python-api.html").read_text("utf-8")
    missing = [name for name in oscbridge.__all__ if f'id="oscbridge.{name}"' not in text]
    assert missing == []


def test_diagrams_are_drawings_within_the_page(site: Path) -> None:
    text = (site / "explanation" / "architecture.html").read_text("utf-8")
    assert 'id="diagram-architecture"' in text
    assert ".svg" not in text.partition('id="diagram-architecture"')[2].partition("</figure>")[0]


def test_search_finds_the_keys_of_the_configuration(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    found = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    assert {"max_packet_size", "keepal"} & found["terms"].keys()
