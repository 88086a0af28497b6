"""Builds all distributions twice and compares them.

``python tests/distribution/build_twice.py FOLDER`` leaves them in FOLDER.

Each time in a copy of the tree without anything that was built before, in isolated environments.
``SOURCE_DATE_EPOCH`` is the time of the last commit.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from package_index import uv_environment

ROOT = Path(__file__).parents[2]


def main(folder: Path) -> None:
    began = time.monotonic()
    env = {**os.environ, **uv_environment(), "OSCBRIDGE_UI": "required"}
    env["SOURCE_DATE_EPOCH"] = _git("log", "-1", "--format=%ct").strip()
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():  # other targets have folders there
            path.unlink()
    with tempfile.TemporaryDirectory(prefix="oscbridge-dist-") as temporary:
        for name in ("one", "two"):
            copy = Path(temporary, name)
            _copy_tree(copy)
            _build(copy, copy / "dist", env)
        first, second = (Path(temporary, name, "dist") for name in ("one", "two"))
        if problems := list(differences(first, second)):
            sys.exit("\n".join(problems))
        count = len([shutil.copy(each, folder) for each in first.iterdir()])
    print(f"{count} files, the same twice, built in {time.monotonic() - began:.0f} s")


def differences(first: Path, second: Path) -> Iterator[str]:
    """Files of two folders that differ."""
    for name in sorted({each.name for folder in (first, second) for each in folder.iterdir()}):
        one, two = first / name, second / name
        if not (one.is_file() and two.is_file()):
            yield f"{name} was built only once"
        elif not filecmp.cmp(one, two, shallow=False):
            yield f"{name} is not the same when it is built again"


def _copy_tree(folder: Path) -> None:
    """The files of the working tree that git does not ignore."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)


def _build(root: Path, folder: Path, env: dict[str, str]) -> None:
    for source in (root, *sorted(path.parent for path in root.glob("plugins/*/pyproject.toml"))):
        command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(folder)]
        done = subprocess.run(
            [*command, str(source)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{source.name} cannot be built:\n{done.stdout}")


def _git(*args: str) -> str:
    command = ["git", "-C", str(ROOT), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/distribution/build_twice.py FOLDER")
    main(Path(sys.argv[1]))
