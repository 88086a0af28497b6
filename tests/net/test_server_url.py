"""URLs of servers, in a class of a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

import oscbridge


class LampURL(oscbridge.ServerURL):
    default_ports: ClassVar[Mapping[str, int]] = {"lamp": 7000, "lamps": 7001}


class PageURL(oscbridge.ServerURL):
    default_ports: ClassVar[Mapping[str, int]] = {"raw": 9100, "ws": 80, "wss": 443}
    default_paths: ClassVar[Mapping[str, str]] = {"ws": "/lamp", "wss": "/lamp"}
    user_key = "login"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("lamp://a", LampURL("lamp", "a", 7000)),
        ("lamps://a/", LampURL("lamps", "a", 7001)),
        ("lamp://[::1]:5", LampURL("lamp", "::1", 5)),
        ("raw://a", PageURL("raw", "a", 9100)),
        ("ws://a", PageURL("ws", "a", 80, "/lamp")),
        ("wss://a:1/other", PageURL("wss", "a", 1, "/other")),
    ],
)
def test_url_is_parsed_and_formatted(text: str, url: oscbridge.ServerURL) -> None:
    assert type(url).parse(text) == url
    assert type(url).parse(str(url)) == url


HINT = "expected lamp://host:port, e.g. lamp://127.0.0.1:7000"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", HINT),
        ("a:7000", HINT),
        ("lamp://", HINT),
        ("lamp://a:0", HINT),
        ("lamp://a?b", HINT),
        ("lamp://a/b", HINT),
        ("lamp://a:x", f"'x' is not a valid port; {HINT}"),
        ("lamp://a:65536", f"the port must be 0 to 65535; {HINT}"),
        ("tcp://a", "unknown scheme 'tcp'; available: lamp, lamps"),
        ("lamp://me@a", "set user and password under their own keys, not in the URL"),
        ("lamp://${HOST}", "a placeholder that nothing fills in"),
        ("lamp://a_!", "not a valid host"),
    ],
)
def test_invalid_url_is_rejected_with_a_hint(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        LampURL.parse(text)
    assert problem in str(caught.value)


def test_path_is_for_some_schemes_only() -> None:
    with pytest.raises(ValueError, match="only ws:// and wss:// URLs may have a path"):
        PageURL.parse("raw://a/b")


def test_name_of_the_user_has_a_key_of_its_own() -> None:
    with pytest.raises(ValueError, match="set login and password under their own keys"):
        PageURL.parse("ws://me:secret@a")


def test_loopback_addresses_are_one_server() -> None:
    urls = ["lamp://localhost", "lamp://127.0.0.1", "lamp://[::1]", "lamp://LOCALHOST.:7000"]
    assert {LampURL.parse(url).identity for url in urls} == {("localhost", 7000)}
    assert LampURL.parse("lamp://a").identity != LampURL.parse("lamp://a:7001").identity


def test_url_is_the_type_of_an_option() -> None:
    adapter = TypeAdapter(LampURL)
    assert adapter.validate_python("lamp://a") == LampURL("lamp", "a", 7000)
    assert adapter.json_schema()["pattern"] == "^(lamp|lamps)://."
    with pytest.raises(ValidationError, match="unknown scheme 'x'"):
        adapter.validate_python("x://a")
