"""Every link between files of the repository leads to a file and, with an anchor, to a heading."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from doc_pages import DOCS, PAGES, ROOT, name_of

from oscbridge_docs.expand import expand
from oscbridge_docs.links import links_of, rewrite_links

LINKS = [
    (page, link) for page in PAGES for link in dict.fromkeys(links_of(page.read_text("utf-8")))
]


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of the headings of a page, as GitHub and the manual make them."""
    text = page.read_text("utf-8")
    if page.is_relative_to(DOCS):
        text = expand(text, page)  # headings may be generated
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", each) is not None for each in found)
        found.append(f"{slug}-{number}" if number else slug)
    return frozenset(found)


def test_pages_were_found() -> None:
    assert len(PAGES) > 60
    assert len(LINKS) > 200


@pytest.mark.parametrize(
    ("page", "link"),
    LINKS,
    ids=[f"{name_of(page)}-{link.target}{link.anchor}" for page, link in LINKS],
)
def test_link_leads_somewhere(page: Path, link: tuple[str, str]) -> None:
    target, anchor = link
    path = Path(os.path.normpath(page.parent / target)) if target else page
    assert path.exists(), f"{name_of(page)}: no {target}"
    assert path.is_relative_to(ROOT)
    if anchor and path.suffix == ".md":
        assert anchor in anchors(path), f"{name_of(page)}: no heading for {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_external_links_are_encrypted(page: Path) -> None:
    for url in re.findall(r"\]\((http://[^)]*)\)", page.read_text("utf-8")):
        assert re.match(r"http://(127\.0\.0\.1|localhost)\b", url), url


def test_links_of_a_readme_lead_to_the_pages_of_the_manual() -> None:
    text = "[a](../../docs/reference/steps.md#edges) [b](../mqtt/README.md) `[c](../d)` [e](#f)"
    page = DOCS / "reference" / "plugins"
    assert rewrite_links(text, ROOT / "plugins" / "midi", page) == (
        "[a](../steps.md#edges) [b](mqtt.md) `[c](../d)` [e](#f)"
    )


def test_links_in_blocks_of_code_stay() -> None:
    text = "```sh\n[a](b.md)\n```\n[a](../README.md)\n"
    assert rewrite_links(text, DOCS, DOCS) == "```sh\n[a](b.md)\n```\n[a](index.md)\n"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_that_are_named_without_a_link_exist(page: Path) -> None:
    for named in re.findall(r"(?<![\w/])docs/[\w/-]+\.md\b", page.read_text("utf-8")):
        assert (ROOT / named).is_file(), named
