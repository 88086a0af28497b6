"""The built page: its files in memory, as they are sent."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import hdrs, web

__all__ = ["PAGE_PATHS", "STATIC", "BuiltPage", "StaticFile", "read_page"]

STATIC: Final = Path(__file__).parent / "static"
"""Where the build puts the page."""

PAGE_PATHS: Final = (
    *("/", "/values", "/surface", "/routes", "/learn", "/devices", "/record", "/log"),
)
"""The views: all are the same page."""

MAX_FILES: Final = 64

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'"
)
"""No inline code, nothing from elsewhere. Home Assistant shows the page in a frame of its own."""

FOREVER: Final = "public, max-age=31536000, immutable"
"""For files that have a hash in their names."""

ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""Encodings by the suffixes of their files, best first."""

NOT_BUILT: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>oscbridge</title>
<h1>The page of the control room is not built</h1>
<p>The bridge is running. To build the page, connect this machine to the internet and run
<code>make ui</code> in the clone of oscbridge, or install a wheel of <code>oscbridge-ui</code>:
<code>pip install --force-reinstall --no-deps oscbridge-ui</code>. Then restart the bridge.</p>
<p>It needs the npm registry, and Node from PyPI, which has it for Linux on x86-64 and ARM64, for
macOS and for Windows. Elsewhere copy <code>oscbridge_ui/static</code> from another machine.</p>
<p><a href="healthz">healthz</a>, <a href="readyz">readyz</a>, <a href="metrics">metrics</a></p>
</html>
"""


class StaticFile(NamedTuple):
    """One file."""

    content_type: str
    bodies: Mapping[str, bytes]
    """The content that is sent, by encoding; "" is none."""
    headers: Mapping[str, str]

    def response(self, request: web.Request) -> web.Response:
        """The answer to a request."""
        headers = {**self.headers, "Vary": hdrs.ACCEPT_ENCODING}
        if request.headers.get(hdrs.IF_NONE_MATCH, "") == headers.get(hdrs.ETAG, "-"):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        accepted = accepted_encodings(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        encoding = next((each for each in self.bodies if each in accepted), "")
        headers[hdrs.CONTENT_TYPE] = self.content_type
        if encoding:
            headers[hdrs.CONTENT_ENCODING] = encoding
        return web.Response(body=self.bodies[encoding], headers=headers)


class BuiltPage(NamedTuple):
    """The page and its files."""

    page: StaticFile
    files: Mapping[str, StaticFile]
    """The others by path."""


def accepted_encodings(header: str) -> set[str]:
    """The encodings that a client accepts (RFC 9110, section 12.5.3)."""
    found = {""}
    for each in header.lower().split(","):
        name, _, rest = each.strip().partition(";")
        quality = rest.strip().removeprefix("q=").strip() or "1"
        if name.strip() and quality.strip("0.") != "":
            found.add(name.strip())
    return found


def read_page(folder: Path = STATIC) -> BuiltPage:
    """Read the files of the page. Where it is not built, it says how to build it."""
    try:
        page = _read(folder / "index.html", is_page=True)
    except OSError:
        body = NOT_BUILT.encode()
        return BuiltPage(_file("text/html; charset=utf-8", {"": body}, is_page=True), {})
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    files = {
        f"/{name}": _read(path, is_page=False)
        for name, path in names.items()
        if path.suffix not in (".br", ".gz") and name not in ("index.html", "built-from")
    }
    if len(files) > MAX_FILES:
        raise ValueError(f"{folder}: {len(files)} files; at most {MAX_FILES} are expected")
    return BuiltPage(page, files)


def _read(path: Path, *, is_page: bool) -> StaticFile:
    bodies = {}
    for encoding, suffix in ENCODINGS:
        compressed = path.with_name(path.name + suffix)
        if compressed.is_file():
            bodies[encoding] = compressed.read_bytes()
    bodies[""] = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    kind = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}.get(
        path.suffix, kind
    )
    if kind.startswith("text/") or kind == "image/svg+xml":
        kind += "; charset=utf-8"
    return _file(kind, bodies, is_page=is_page)


def _file(kind: str, bodies: Mapping[str, bytes], *, is_page: bool) -> StaticFile:
    headers = {"Content-Security-Policy": POLICY}
    if is_page:
        headers["Cache-Control"] = "no-cache"
        headers[hdrs.ETAG] = f'"{hashlib.sha256(bodies[""]).hexdigest()[:32]}"'
    else:
        headers["Cache-Control"] = FOREVER
    return StaticFile(kind, bodies, headers)
