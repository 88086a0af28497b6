"""``host:port`` and ``udp://host:port``."""

from __future__ import annotations

import pytest

from oscbridge import OSCURL, HostPort


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        ("[::1]:65535", "::1", 65535),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ],
)
def test_host_and_a_port_are_read_and_written(text: str, host: str, port: int) -> None:
    assert HostPort.parse(text) == (host, port)
    assert str(HostPort.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "8080", ":8080", "host", "host:", "host:x", "host:-1", "host:65536", "::1:8080"),
        *("host:80/path", "user@host:80", "host:80?x", "http://host:80", "[::1:80", "host:80\n"),
    ],
)
def test_invalid_host_and_port_are_rejected_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:8080"):
        HostPort.parse(text)


@pytest.mark.parametrize("text", ["udp://127.0.0.1:9000", "udp://[::]:9000", "udp://stage.local:1"])
def test_url_is_read_and_written(text: str) -> None:
    assert str(OSCURL.parse(text)) == text


def test_trailing_slash_of_a_url_is_ignored() -> None:
    assert OSCURL.parse("udp://127.0.0.1:9000/") == ("udp", "127.0.0.1", 9000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("127.0.0.1:9000", "write it as udp://host:port, for example udp://127.0.0.1:9000"),
        ("", "write it as udp://host:port"),
        ("ftp://127.0.0.1:9000", "unknown transport 'ftp'; available: "),
        ("udp://127.0.0.1", "host:port"),
        ("udp://", "host:port"),
        ("udp://:9000", "host:port"),
        ("udp://127.0.0.1:65536", "the port must be 0 to 65535; write it as udp://host:port"),
        ("udp://127.0.0.1:" + "9" * 5_000, "the port must be 0 to 65535"),
        ("udp://127.0.0.1:nine", "'nine' is not a valid port; write it as udp://host:port"),
    ],
)
def test_invalid_url_is_rejected_with_the_fix(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        OSCURL.parse(text)
    assert message in str(caught.value)
