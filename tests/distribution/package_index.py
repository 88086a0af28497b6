"""Package indexes: that of this machine for uv, which ignores the settings of pip; and our own."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from http_server import QuietHandler, http_server

__all__ = ["local_index", "uv_environment"]


def uv_environment() -> dict[str, str]:
    """Variables that let uv use the index that pip uses, if that is not the usual one."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"^(?:global|user|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    variables = {"UV_PYTHON_DOWNLOADS": "never"}
    if url := found.get("index-url"):
        variables["UV_DEFAULT_INDEX"] = url
    if certificate := found.get("cert"):
        variables["SSL_CERT_FILE"] = certificate
    return variables


@contextmanager
def local_index(folder: Path) -> Iterator[str]:
    """A package index (PEP 503) of the distributions in a folder. Yields its URL."""
    files = {path.name: path for path in folder.iterdir() if path.suffix in (".whl", ".gz")}

    class Handler(QuietHandler):
        def get(self) -> None:
            parts = self.path.strip("/").split("/")
            if parts[0] == "files" and parts[-1] in files:
                self.answer(files[parts[-1]].read_bytes(), "application/octet-stream")
            elif len(parts) == 2 and (names := _files_of(parts[1], files)):
                links = (f'<a href="/files/{html.escape(name)}">{name}</a><br>' for name in names)
                page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"
                self.answer(page.encode(), "text/html")
            else:
                self.send_error(404)

    with http_server(Handler) as port:
        yield f"http://127.0.0.1:{port}/simple/"


def _files_of(project: str, names: object) -> list[str]:
    """The files of a project; their names have underscores."""
    wanted = re.sub(r"[-_.]+", "_", project).lower()
    return sorted(name for name in names if name.split("-")[0] == wanted)  # type: ignore[attr-defined]
