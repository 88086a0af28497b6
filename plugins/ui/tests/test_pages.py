"""The files of the page, as HTTP."""

from __future__ import annotations

import gzip
import http.client
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest
from control_room import ControlRoomProgram

from oscbridge_ui.pages import STATIC, accepted_encodings, read_page


def get(
    program: ControlRoomProgram, path: str, method: str = "GET", **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    try:
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, path, headers=fields)
        response = connection.getresponse()
        names = {key.lower(): value for key, value in response.getheaders()}
        return response.status, names, response.read()
    finally:
        connection.close()


def test_page_is_built() -> None:
    assert (STATIC / "index.html").is_file(), "run: make ui"


@pytest.mark.parametrize("path", ["/", "/values", "/log", "/?q=x"])
def test_views_are_one_page_that_loads_nothing_from_elsewhere(
    program: ControlRoomProgram, path: str
) -> None:
    status, headers, body = get(program, path)
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert int(headers["content-length"]) == len(body)
    assert headers["cache-control"] == "no-cache"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert b"http://" not in body.replace(b"http://www.w3.org/", b"")
    assert b"https://" not in body
    assert not re.search(rb"<script(?![^>]*\bsrc=)", body)
    for address in re.findall(rb'(?:src|href)="([^"]*)"', body):
        assert address.startswith(b"./assets/")


def test_unchanged_page_is_not_sent_again(program: ControlRoomProgram) -> None:
    _, headers, _ = get(program, "/")
    status, _, body = get(program, "/", If_None_Match=headers["etag"])
    assert (status, body) == (304, b"")


def test_files_are_compressed_and_kept_for_ever(program: ControlRoomProgram) -> None:
    _, _, page = get(program, "/")
    for path in re.findall(r'"\.(/assets/[^"]+)"', page.decode()):
        status, headers, plain = get(program, path)
        assert status == 200
        assert "immutable" in headers["cache-control"]
        assert headers["vary"] == "Accept-Encoding"
        _, headers, packed = get(program, path, Accept_Encoding="gzip")
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed) == plain
        _, headers, packed = get(program, path, Accept_Encoding="gzip, deflate, br")
        assert headers["content-encoding"] == "br"
        assert int(headers["content-length"]) == len(packed) < len(plain)


def test_address_of_a_websocket_endpoint_leads_here(program: ControlRoomProgram) -> None:
    url = f"http://127.0.0.1:{program.process.port('web')}/"
    with urlopen(url, timeout=10) as answer:
        assert f'<a href="{program.url}">' in answer.read().decode()


@pytest.mark.parametrize(
    "path", ["/assets/", "/index.html", "/built-from", "/assets/../built-from", "/hatch_build.py"]
)
def test_nothing_else_is_served(program: ControlRoomProgram, path: str) -> None:
    assert get(program, path)[0] == 404


def test_other_methods_are_not_allowed(program: ControlRoomProgram) -> None:
    status, headers, _ = get(program, "/", "POST")
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    status, headers, body = get(program, "/", "HEAD")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {""}),
        ("gzip, br", {"", "gzip", "br"}),
        ("gzip;q=0, br;q=0.5", {"", "br"}),
        ("BR ; q=1.0", {"", "br"}),
        ("gzip;q=0.000", {""}),
    ],
)
def test_accepted_encodings_follow_the_header(header: str, expected: set[str]) -> None:
    assert accepted_encodings(header) == expected


def test_missing_page_says_how_to_build_it(tmp_path: Path) -> None:
    built = read_page(tmp_path)
    assert built.files == {}
    assert b"make ui" in built.page.bodies[""]
