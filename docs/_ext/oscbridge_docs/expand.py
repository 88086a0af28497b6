"""Text of pages as Sphinx reads it: with generated text, links of the site, and inline diagrams."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from oscbridge_docs import (
    commands,
    examples,
    hooks,
    metrics,
    options,
    plugins,
    profiles,
    protocols,
    readme,
)
from oscbridge_docs.links import DOCS, pages_without_source, rewrite_links
from oscbridge_docs.python_api import python_api

__all__ = ["expand"]

Generator: TypeAlias = Callable[..., str]

_BLOCK: Final = re.compile(r"^```\{generated\} (.+)\n```$", re.MULTILINE)
_GLOB: Final = re.compile(r"^```\{toctree\}\n(?:.*\n)*?```$", re.MULTILINE)
_DIAGRAM: Final = re.compile(r"^!\[([^\]]*)\]\(([^)]*_diagrams/[^)]*\.svg)\)$", re.MULTILINE)


def expand(text: str, page: Path) -> str:
    """The text of a page for Sphinx. ``page`` is its file."""
    text = _GLOB.sub(lambda found: _existing(found, page), text)
    text = rewrite_links(text, page.parent, page.parent)
    text = _DIAGRAM.sub(lambda found: _diagram(found[1], page.parent / found[2]), text)
    return _BLOCK.sub(lambda found: _generate(found[1].split(), page), text)


def _generate(words: Sequence[str], page: Path) -> str:
    name, *arguments = words
    if name in readme.PARTS:
        file, text = readme.PARTS[name](*arguments)
        return rewrite_links(text, file.parent, page.parent)
    return _GENERATORS[name](*arguments)


def _existing(found: re.Match[str], page: Path) -> str:
    """A table of contents without patterns that would add no page."""
    lines = found[0].splitlines()
    entries = [line for line in lines if not re.match(r"```|:|$", line)]
    named = {page.parent / f"{each}.md" for each in entries} | {page}
    absent = {each for each in entries if not _added(page.parent, each, named)}
    return "\n".join(line for line in lines if line not in absent)


def _added(folder: Path, entry: str, named: Collection[Path]) -> bool:
    missing = {DOCS / name for name in pages_without_source()}
    found = set(folder.glob(f"{entry}.md")) - missing
    return bool(found - set(named) if "*" in entry else found)


def _diagram(title: str, file: Path) -> str:
    """The drawing itself instead of an image, so that it has the colours of the page."""
    drawing = file.read_text(encoding="utf-8").partition("<svg")[2]
    figure = f'<figure class="diagram" role="img" aria-label="{title}"><svg{drawing}</figure>'
    return f"```{{raw}} html\n{figure.replace(chr(10) * 2, chr(10))}\n```"


_GENERATORS: Final[Mapping[str, Generator]] = {
    "commands": commands.commands,
    "examples": examples.examples,
    "hooks": hooks.hooks,
    "metrics": metrics.metrics,
    "options": options.options,
    "endpoint-types": options.endpoint_types,
    "plugins": plugins.plugins,
    "profiles": profiles.profiles,
    "profile-keys": profiles.keys,
    "profile-groups": profiles.groups,
    "python-api": python_api,
    "osc-json": protocols.osc_json,
    "ui-protocol": protocols.ui_protocol,
}
