"""Writes the components of the page of the control room as CycloneDX.

``python tests/distribution/page_sbom.py FILE``. npm asks for a version of the page, which has none
of its own: it gets that of the bridge, in a copy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
WEB = ROOT / "plugins" / "ui" / "web"


def main(file: Path) -> None:
    sys.path.insert(0, str(WEB.parent))
    from node import node, npm

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with tempfile.TemporaryDirectory(prefix="oscbridge-page-") as folder:
        package = json.loads((WEB / "package.json").read_text()) | {"version": version}
        lock = json.loads((WEB / "package-lock.json").read_text()) | {"version": version}
        lock["packages"][""]["version"] = version
        Path(folder, "package.json").write_text(json.dumps(package))
        Path(folder, "package-lock.json").write_text(json.dumps(lock))
        command = [str(node()), str(npm()), "sbom", "--omit", "dev", "--package-lock-only"]
        done = subprocess.run(
            [*command, "--sbom-format", "cyclonedx"],
            cwd=folder,
            env={**os.environ, "CI": "1"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        sys.exit(done.stderr)
    file.write_text(done.stdout)
    print(f"{len(json.loads(done.stdout)['components'])} components of the page")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/distribution/page_sbom.py FILE")
    main(Path(sys.argv[1]))
