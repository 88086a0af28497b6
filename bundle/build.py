"""Builds the bundled program: ``python bundle/build.py FOLDER``.

It installs the bridge with all plugins and PyInstaller into an environment in FOLDER, builds
FOLDER/oscbridge/, adds files to click on, and packs all into an archive.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
PYINSTALLER: Final = ("pyinstaller>=6.16,<7",)

LAUNCHERS: Final = {
    "win32": (".cmd", '@echo off\n"%~dp0oscbridge.exe" {}\npause\n'),
    "darwin": (".command", '#!/bin/sh\nexec "$(dirname "$0")/oscbridge" {}\n'),
    "linux": (".sh", '#!/bin/sh\nexec "$(dirname "$0")/oscbridge" {}\n'),
}
"""A file to click on for each system: its suffix, and its content for a command."""

CLICKED: Final = {
    "Start at login": "login on",
    "Do not start at login": "login off",
    "Configuration folder": "folder",
}


def main(folder: Path) -> None:
    began = time.monotonic()
    python = _environment(folder)
    subprocess.run(
        [
            *(python, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"),
            *("--distpath", str(folder), "--workpath", str(folder / "work"), "oscbridge.spec"),
        ],
        cwd=HERE,
        check=True,
    )
    program = folder / "oscbridge"
    _add_launchers(program)
    shutil.copy(ROOT / "LICENSE", program / "LICENSE.txt")
    archive = _pack(program)
    size = sum(path.stat().st_size for path in program.rglob("*") if not path.is_symlink())
    print(
        f"{archive}: {archive.stat().st_size / 1e6:.0f} MB, unpacked {size / 1e6:.0f} MB, "
        f"built in {time.monotonic() - began:.0f} s"
    )


def _environment(folder: Path) -> str:
    """The Python of an environment with the bundled packages, separate from this one."""
    place = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    plugins = sorted(str(path.parent) for path in ROOT.glob("plugins/*/pyproject.toml"))
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"{ROOT}[discovery]", *plugins, *PYINSTALLER], check=True)
    return str(python)


def _add_launchers(program: Path) -> None:
    suffix, text = LAUNCHERS[sys.platform if sys.platform in LAUNCHERS else "linux"]
    for name, command in CLICKED.items():
        path = program / f"{name}{suffix}"
        path.write_text(text.format(command))
        path.chmod(0o755)


def _pack(program: Path) -> Path:
    """An archive of the kind that the system opens, beside the folder."""
    machine = platform.machine().lower()
    stem = program.parent / f"oscbridge-{sys.platform}-{machine}"
    if sys.platform == "win32":
        archive = stem.with_name(f"{stem.name}.zip")
        with ZipFile(archive, "w", ZIP_DEFLATED) as file:
            for path in sorted(program.rglob("*")):
                file.write(path, path.relative_to(program.parent))
        return archive
    archive = stem.with_name(f"{stem.name}.tar.gz")
    with tarfile.open(archive, "w:gz") as file:
        file.add(program, program.name)
    return archive


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python bundle/build.py FOLDER")
    main(Path(sys.argv[1]).absolute())
