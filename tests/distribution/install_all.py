"""Installs the distributions in a folder as users do.

``python tests/distribution/install_all.py FOLDER [SBOM]``

From a local index into a fresh environment for each installer and extra, where the bridge runs
with the plugins of that extra and no others. Of the environment with everything it writes a list
of components (CycloneDX) to SBOM.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from package_index import local_index, uv_environment

from oscbridge.testing import OscbridgeProcess
from oscbridge.testing.process import READY

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALLERS = ("uv", "pip")
TIMEOUT = 60.0
CONFIGURATION = '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'


def main(folder: Path, sbom: Path | None) -> None:
    extras = PROJECT["optional-dependencies"]
    with local_index(folder) as index:
        for installer in INSTALLERS:
            for extra in ("", *extras):
                began = time.monotonic()
                with environment() as place:
                    install(installer, place, index, extra)
                    installed = time.monotonic()
                    check(place, names_of(extras[extra]) if extra else set())
                    if sbom is not None and extra == "all" and installer == "pip":
                        write_sbom(place, sbom)
                took, tried = installed - began, time.monotonic() - installed
                print(
                    f"{installer:4} oscbridge[{extra}] {took:.1f} s, tried in {tried:.1f} s",
                    flush=True,
                )


def names_of(requirements: list[str]) -> set[str]:
    """The names of the plugins among requirements."""
    found = (re.match(r"oscbridge-([a-z0-9-]+)", each) for each in requirements)
    return {each[1] for each in found if each}


@contextmanager
def environment() -> Iterator[Path]:
    """A fresh environment without pip."""
    with tempfile.TemporaryDirectory(prefix="oscbridge-try-") as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        yield Path(folder)


def program(place: Path, name: str) -> str:
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return str(place / folder / name)


def install(installer: str, place: Path, index: str, extra: str) -> None:
    wanted = f"oscbridge[{extra}]" if extra else "oscbridge"
    python = program(place, "python")
    if installer == "pip":
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        command += ["--disable-pip-version-check", "--extra-index-url", index]
    else:
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
        command += ["--python", python, "--index", index, "--no-config"]
    env = {**os.environ, **uv_environment(), "PYTHONPATH": ""}
    run([*command, wanted], env)


def check(place: Path, plugins: set[str]) -> None:
    """The bridge starts, with these plugins of its own and no others."""
    oscbridge = program(place, "oscbridge")
    env = {**os.environ, "PYTHONPATH": "", "OSCBRIDGE_RUNTIME_DIR": str(place / "run")}
    version = run([oscbridge, "--version"], env).split()[-1]
    assert version == PROJECT["version"], version
    listed = run([oscbridge, "plugins"], env)
    found = dict(re.findall(r"^(\w+) (\d\S*)$", listed, re.MULTILINE))
    assert set(found) == {"osc", *plugins}, listed
    assert set(found.values()) == {version}, listed
    assert "broken" not in listed, listed
    file = place / "try.toml"
    file.write_text(CONFIGURATION)
    process = OscbridgeProcess("run", str(file), env=env, program=oscbridge)
    try:
        process.wait_for(READY, TIMEOUT)
        code = process.stop(signal.SIGTERM if os.name == "nt" else signal.SIGINT, TIMEOUT)
        assert os.name == "nt" or code == 0, process.output
    finally:
        process.close()


def write_sbom(place: Path, file: Path) -> None:
    """The components of an environment as CycloneDX."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", program(place, "python")]
    command += ["--output-reproducible", "--output-format", "JSON", "--output-file", str(file)]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"]
    run(command, dict(os.environ))


def run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tests/distribution/install_all.py FOLDER [SBOM]")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
