"""The files of a folder over HTTP."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge_websocket import files, site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page with a script, a folder, and things that must not be served."""
    web = tmp_path / "web"
    (web / "sub").mkdir(parents=True)
    (web / "index.html").write_text("<h1>Stage</h1>")
    (web / "app.js").write_text("let a = 1;")
    (web / "ü ber.txt").write_text("ü")
    (web / "sub" / "index.html").write_text("sub")
    (web / "noindex").mkdir()
    (web / ".env").write_text("SECRET")
    (web / ".git").mkdir()
    (web / ".git" / "config").write_text("SECRET")
    (tmp_path / "secret.txt").write_text("SECRET")
    (tmp_path / "web2").mkdir()
    (tmp_path / "web2" / "secret.txt").write_text("SECRET")
    (web / "out.txt").symlink_to(tmp_path / "secret.txt")
    (web / "outside").symlink_to(tmp_path / "web2")
    (web / "hidden.txt").symlink_to(web / ".env")
    (web / "loop").symlink_to(web / "loop")
    (web / "inside.js").symlink_to(web / "app.js")
    os.mkfifo(web / "pipe")
    return web


@pytest.fixture
async def served(start: Any, folder: Path) -> Any:
    return await start(f'files = "{folder}"')


async def get(
    bridge: Any, raw: Any, path: str, *headers: str, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body of a response."""
    client = await raw(bridge)
    lines = "".join(f"{each}\r\n" for each in headers)
    client.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
    async with asyncio.timeout(10):
        answer = await client.read_all()
    await client.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    found = {key.lower(): value for key, _, value in (each.partition(": ") for each in rest)}
    return int(line.split()[1]), found, body


@pytest.mark.parametrize(
    ("path", "content", "content_type"),
    [
        ("/", b"<h1>Stage</h1>", "text/html; charset=utf-8"),
        ("/?a=b", b"<h1>Stage</h1>", "text/html; charset=utf-8"),
        ("/index.html", b"<h1>Stage</h1>", "text/html; charset=utf-8"),
        ("/app.js", b"let a = 1;", "text/javascript; charset=utf-8"),
        ("/inside.js", b"let a = 1;", "text/javascript; charset=utf-8"),
        ("/sub/", b"sub", "text/html; charset=utf-8"),
        ("/%C3%BC%20ber.txt", "ü".encode(), "text/plain; charset=utf-8"),
    ],
)
async def test_file_is_served_with_its_type(
    served: Any, raw: Any, path: str, content: bytes, content_type: str
) -> None:
    status, headers, body = await get(served, raw, path)
    assert (status, body, headers["content-type"]) == (200, content, content_type)
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/missing.html",
        "/missing/",
        "/noindex/",
        "/index.html/",
        "/app.js/x",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/sub/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e/secret.txt",
        "/../web2/secret.txt",
        "//etc/passwd",
        "/sub//index.html",
        "/sub%2Findex.html",
        "/out.txt",
        "/outside/secret.txt",
        "/hidden.txt",
        "/loop",
        "/pipe",
        "/index.html%00",
        "/%ff",
        "/C:/x",
        "/index.html::$DATA",
        "/" + "a/" * 700,
        "/" + "a" * 400,
        "index.html",
        "http://127.0.0.1/index.html",
    ],
)
async def test_nothing_else_is_served(served: Any, raw: Any, path: str) -> None:
    status, _, body = await get(served, raw, path)
    assert status == 404
    assert b"SECRET" not in body


async def test_folder_is_redirected_to_its_slash_by_a_relative_link(served: Any, raw: Any) -> None:
    status, headers, _ = await get(served, raw, "/sub?a=b")
    assert (status, headers["location"]) == (308, "./sub/?a=b")


async def test_unchanged_file_is_not_sent_again_and_a_changed_one_is(
    served: Any, raw: Any, folder: Path
) -> None:
    _, headers, _ = await get(served, raw, "/app.js")
    assert headers["cache-control"] == "no-cache"
    for condition in (
        f"If-None-Match: {headers['etag']}",
        f'If-None-Match: "other", W/{headers["etag"]}',
        "If-None-Match: *",
        f"If-Modified-Since: {headers['last-modified']}",
    ):
        status, again, body = await get(served, raw, "/app.js", condition)
        assert (status, body, again["etag"]) == (304, b"", headers["etag"])
    (folder / "app.js").write_text("let a = 22;")
    tag = f"If-None-Match: {headers['etag']}"
    assert (await get(served, raw, "/app.js", tag))[::2] == (200, b"let a = 22;")


@pytest.mark.parametrize(
    ("range_", "status", "body", "shown"),
    [
        ("bytes=0-2", 206, b"let", "bytes 0-2/10"),
        ("bytes=4-", 206, b"a = 1;", "bytes 4-9/10"),
        ("bytes=-2", 206, b"1;", "bytes 8-9/10"),
        ("bytes=-99", 206, b"let a = 1;", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"1;", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=2-1", 200, b"let a = 1;", None),
        ("bytes=0-1,3-4", 200, b"let a = 1;", None),
        ("bytes=x", 200, b"let a = 1;", None),
        ("lines=0-1", 200, b"let a = 1;", None),
    ],
)
async def test_range_is_served(
    served: Any, raw: Any, range_: str, status: int, body: bytes, shown: str | None
) -> None:
    found, headers, content = await get(served, raw, "/app.js", f"Range: {range_}")
    assert (found, content, headers.get("content-range")) == (status, body, shown)
    assert int(headers["content-length"]) == len(body)


async def test_range_of_an_older_version_is_answered_with_the_whole_file(
    served: Any, raw: Any
) -> None:
    _, headers, _ = await get(served, raw, "/app.js")
    for condition, status in ((headers["etag"], 206), ('"old"', 200), ("nonsense", 200)):
        extra = ("Range: bytes=0-2", f"If-Range: {condition}")
        assert (await get(served, raw, "/app.js", *extra))[0] == status


async def test_head_and_options_send_no_content(served: Any, raw: Any) -> None:
    status, headers, body = await get(served, raw, "/app.js", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "10", b"")
    status, headers, body = await get(served, raw, "/app.js", method="OPTIONS")
    assert (status, headers["allow"], body) == (200, "GET, HEAD, OPTIONS", b"")
    assert (await get(served, raw, "/app.js", method="DELETE"))[0] == 405
    assert (await get(served, raw, "/missing", method="HEAD"))[::2] == (404, b"")


async def test_large_file_arrives_whole_at_a_client_that_reads_slowly(
    served: Any, raw: Any, folder: Path
) -> None:
    content = os.urandom(1_000_000)
    (folder / "large.bin").write_bytes(content)
    status, _, body = await get(served, raw, "/large.bin")
    assert (status, body) == (200, content)


async def test_client_that_does_not_read_a_file_is_disconnected(
    served: Any, raw: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "SEND_TIMEOUT", 0.2)
    (folder / "large.bin").write_bytes(bytes(30_000_000))
    client = await raw(served)
    client.writer.transport.pause_reading()
    client.write(b"GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(10):
        while not served.connections:
            await asyncio.sleep(0.01)
        while served.connections:
            await asyncio.sleep(0.01)


async def test_file_that_becomes_shorter_ends_the_connection(
    served: Any, raw: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "large.bin").write_bytes(bytes(1_000_000))
    read = files.FoundFile.read

    def truncate_and_read(self: files.FoundFile, offset: int, size: int) -> bytes:
        os.truncate(folder / "large.bin", 300_000)
        return read(self, offset, size)

    monkeypatch.setattr(files.FoundFile, "read", truncate_and_read)
    status, headers, body = await get(served, raw, "/large.bin")
    assert (status, headers["content-length"]) == (200, "1000000")
    assert len(body) <= 300_000


async def test_prefix_that_a_proxy_keeps_is_ignored(start: Any, raw: Any, folder: Path) -> None:
    bridge = await start(f'files = "{folder}"\npath_prefix = "/osc/"')
    assert (await get(bridge, raw, "/osc/app.js"))[0] == 200
    assert (await get(bridge, raw, "/osc/"))[::2] == (200, b"<h1>Stage</h1>")
    assert (await get(bridge, raw, "/osc"))[1]["location"] == "./osc/"
    assert (await get(bridge, raw, "/oscar/app.js"))[0] == 404


async def test_websocket_works_beside_the_files(
    served: Any, join: Any, messages: Any, folder: Path
) -> None:
    client = await join(served)
    await (await client.ping())
    served.send(oscbridge.Message.of("/a", 1))
    assert [each.address for each in await messages(client)] == ["/a"]


async def test_other_folder_is_served_after_a_reload(
    served: Any, raw: Any, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("other")
    assert await served.update(f'files = "{other}"')
    assert (await get(served, raw, "/"))[2] == b"other"


async def test_file_arrives_whole_over_tls(
    start: Any, raw: Any, folder: Path, certificate: Any
) -> None:
    content = os.urandom(1_000_000)
    (folder / "large.bin").write_bytes(content)
    bridge = await start(f'files = "{folder}"\n{certificate.toml}')
    client = await raw(bridge, tls=certificate.trusted)
    client.write(b"GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await client.read_all()
    assert answer.partition(b"\r\n\r\n")[2] == content
