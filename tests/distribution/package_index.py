"""Package indexes: that of this machine for uv, which ignores the settings of pip; and our own."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.strip("/").split("/")
            if parts[0] == "files" and parts[-1] in files:
                self._answer(files[parts[-1]].read_bytes(), "application/octet-stream")
            elif len(parts) == 2 and (names := _files_of(parts[1], files)):
                links = (f'<a href="/files/{html.escape(name)}">{name}</a><br>' for name in names)
                page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"
                self._answer(page.encode(), "text/html")
            else:
                self.send_error(404)

        do_HEAD = do_GET  # noqa: N815  # uv asks for the size of a wheel first

        def _answer(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _files_of(project: str, names: object) -> list[str]:
    """The files of a project; their names have underscores."""
    wanted = re.sub(r"[-_.]+", "_", project).lower()
    return sorted(name for name in names if name.split("-")[0] == wanted)  # type: ignore[attr-defined]
