"""Lists the licences of all packages that are needed at run time.

``python tests/distribution/licences.py --update`` writes docs/reference/licences.md.

Python packages by their metadata, those that the page of the control room contains by its lock
file. Without ``--update`` it prints the problems of that list.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["LIST", "is_allowed", "page_licences", "problems_of", "python_licences", "read_list"]

ROOT: Final = Path(__file__).parents[2]
LIST: Final = ROOT / "docs" / "reference" / "licences.md"
LOCK: Final = ROOT / "plugins" / "ui" / "web" / "package-lock.json"

ALLOWED: Final = frozenset(
    (
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0"),
        *("PSF-2.0", "Python-2.0", "Unlicense", "EPL-2.0", "LGPL-2.1-or-later", "OFL-1.1"),
        *("CC0-1.0", "BlueOak-1.0.0"),
    )
)
"""Licences that an MIT program may depend on. Of an LGPL library no file is changed, and each is
replaceable by the user. No GPL: it would extend to oscbridge."""

CLASSIFIERS: Final = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
}
"""Names of licences in classifiers of PyPI, as SPDX."""

TEXTS: Final = {
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache 2": "Apache-2.0",
    "Apache 2 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "EPL-2.0 OR BSD-3-Clause": "EPL-2.0 OR BSD-3-Clause",
}
"""Other ways in which authors write them."""

HEAD: Final = (
    "---\norphan: true\n---\n\n"
    "# Licences of dependencies\n\n"
    "oscbridge has the MIT licence. It needs these packages at run time, with all plugins. The "
    "list is made by `python tests/distribution/licences.py --update`, and a test compares it with "
    "the installed packages. None has a licence that extends to oscbridge (GPL, AGPL).\n"
)


def python_licences() -> dict[str, str]:
    """Licences of the packages that the installed distributions of this project need."""
    own = {"oscbridge", *_own_plugins()}
    found: dict[str, str] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    waiting = [("oscbridge", ("all",)), *((name, ()) for name in own)]
    while waiting:
        name, extras = needed = waiting.pop()
        if needed in seen:
            continue
        seen.add(needed)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another version of Python, or another system
        if name not in own:
            found[name] = licence_of(package)
        waiting += _needed(package, extras)
    return found


def _own_plugins() -> set[str]:
    files = ROOT.glob("plugins/*/pyproject.toml")
    return {f"oscbridge-{path.parent.name}" for path in files}


def _needed(
    package: Distribution, extras: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names and extras of what a package with some extras needs."""
    for text in package.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras)):
            yield canonicalize_name(requirement.name), tuple(sorted(requirement.extras))


def licence_of(package: Distribution) -> str:
    """The licence of a package as an SPDX expression, or as its author writes it."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    prefix = "License :: OSI Approved :: "
    classifiers = [
        each.removeprefix(prefix)
        for each in metadata.get_all("Classifier", [])
        if each.startswith(prefix)
    ]
    if classifiers and all(each in CLASSIFIERS for each in classifiers):
        return " OR ".join(CLASSIFIERS[each] for each in classifiers)
    text = str(metadata.get("License") or "").strip().partition("\n")[0]
    return TEXTS.get(text, text) or "unknown"


def page_licences() -> dict[str, str]:
    """Licences of the packages in the page of the control room, and of its build tools."""
    packages = json.loads(LOCK.read_text())["packages"]
    return {
        path.rpartition("node_modules/")[2]: each.get("license", "unknown")
        for path, each in packages.items()
        if path and not each.get("dev") and not each.get("devOptional")
    }


def is_allowed(expression: str) -> bool:
    """Whether one of the alternatives of an SPDX expression is allowed."""
    parts = re.sub(r"[()]", " ", expression).split(" OR ")
    return any(all(term.strip() in ALLOWED for term in part.split(" AND ")) for part in parts)


def read_list(text: str) -> dict[str, str]:
    """Packages and their licences in the tables of the page."""
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", text, re.MULTILINE))


def render(python: dict[str, str], page: dict[str, str]) -> str:
    parts = [HEAD]
    for title, found in (
        ("Python packages", python),
        ("Page of the control room, and the tools that build it", page),
    ):
        parts.append(f"## {title}\n\n| package | licence |\n| --- | --- |\n")
        parts[-1] += "".join(f"| `{name}` | {found[name]} |\n" for name in sorted(found))
    return "\n".join(parts)


def problems_of(found: dict[str, str], listed: dict[str, str]) -> Iterator[str]:
    """The problems of licences, and of the list of them."""
    fix = "run: python tests/distribution/licences.py --update"
    for name, licence in sorted(found.items()):
        if not is_allowed(licence):
            yield f"{name} has the licence {licence!r}, which is not among the allowed ones"
        if name not in listed:
            yield f"{name} is missing in {LIST.name}; {fix}"
        elif listed[name] != licence:
            yield f"{name} has the licence {licence!r}, not {listed[name]!r}; {fix}"


def main() -> None:
    python, page = python_licences(), page_licences()
    if sys.argv[1:] == ["--update"]:
        LIST.parent.mkdir(parents=True, exist_ok=True)
        LIST.write_text(render(python, page))
    listed = read_list(LIST.read_text())
    if problems := list(problems_of(python | page, listed)):
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
