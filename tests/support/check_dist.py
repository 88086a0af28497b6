"""Checks what ``make dist`` has built: ``python tests/support/check_dist.py FOLDER COUNT``."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

__all__ = ["problems_of"]

PAGE = "oscbridge_ui/static/index.html"


def problems_of(folder: Path, count: int) -> Iterator[str]:
    """The problem with a folder that should have ``count`` distributions."""
    wheels, sources = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    for kind, found in (("wheels", wheels), ("source distributions", sources)):
        if len(found) != count:
            names = ", ".join(each.name for each in found)
            yield f"{len(found)} {kind} instead of {count}: {names}"
    for each in wheels:
        if each.name.startswith("oscbridge_ui-") and PAGE not in ZipFile(each).namelist():
            yield f"{each.name} has no page of the control room"
    for each in sources:
        if each.name.startswith("oscbridge_ui-"):
            with tarfile.open(each) as archive:
                names = {name.partition("/")[2] for name in archive.getnames()}
            if PAGE not in names:
                yield f"{each.name} has no page of the control room"


if __name__ == "__main__":
    problems = list(problems_of(Path(sys.argv[1]), int(sys.argv[2])))
    sys.exit("\n".join(problems) or None)  # an empty text would be a failure
