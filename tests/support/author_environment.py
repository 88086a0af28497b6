"""An environment of an author: a virtual one in which oscbridge and pytest are installed."""

from __future__ import annotations

import os
import sysconfig
import venv
from pathlib import Path

__all__ = ["author_environment"]

SCRIPT = """\
#!{python}
import sys
from {module} import main
sys.exit(main())
"""


def author_environment(folder: Path) -> dict[str, str]:
    """Make the environment in a new folder. Returns the variables for programs in it."""
    venv.create(folder, with_pip=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    here = sysconfig.get_path("purelib")
    (own / "installed.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    python = folder / "bin" / "python"
    for name, module in (("oscbridge", "oscbridge.cli"), ("pytest", "pytest")):
        script = folder / "bin" / name
        script.write_text(SCRIPT.format(python=python, module=module))
        script.chmod(0o755)
    drop = {"PYTHONPATH", "PYTEST_ADDOPTS", "FORCE_COLOR"}
    kept = {key: value for key, value in os.environ.items() if key not in drop}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}
