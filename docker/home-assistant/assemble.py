"""Makes the folder of the add-on for Home Assistant: ``make home-assistant``.

The Supervisor builds an add-on from its folder alone. So that has the sources, too, and one
Dockerfile: that of the image, and what the add-on adds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ADD_ON: Final = Path("docker/home-assistant")

SOURCES: Final = (
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "oscbridge", "pytest_oscbridge"),
    *("examples", "plugins", "docker/container.toml", "docker/entrypoint", str(ADD_ON)),
)
"""What the image is built from."""

PAGE: Final = Path("plugins/ui/oscbridge_ui/static")
"""The page of the control room, which is built already: the machine needs no Node."""

SHOWN: Final = ("config.yaml", "DOCS.md", "icon.png", "logo.png", "translations")
"""What Home Assistant reads, at the top of the folder."""


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SOURCES]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(tuple(_left_out())):
            _copy(ROOT / name, folder / name)
    for path in (ROOT / PAGE).rglob("*"):
        _copy(path, folder / path.relative_to(ROOT))
    for name in SHOWN:
        source = ROOT / ADD_ON / name
        for path in source.rglob("*") if source.is_dir() else [source]:
            _copy(path, folder / path.relative_to(ROOT / ADD_ON))
    parts = [ROOT / "docker/Dockerfile", ROOT / ADD_ON / "Dockerfile"]
    (folder / "Dockerfile").write_text("".join(each.read_text() for each in parts))


def _left_out() -> list[str]:
    return [f"{each.relative_to(ROOT)}/tests/" for each in ROOT.glob("plugins/*")]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docker/home-assistant/assemble.py FOLDER")
    main(Path(sys.argv[1]))
