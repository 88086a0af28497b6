"""Errors in the options, as ``oscbridge check`` reports them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from oscbridge.testing import check_configuration, configuration_error
from oscbridge_websocket.options import WebSocketOptions


def error_of(options: str) -> str:
    return configuration_error(f'[endpoint.web]\ntype = "websocket"\n{options}\n')


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://a.example", "http://10.0.0.1:8000", "http://[::1]:8080", "file://",
     "app://obsidian.md", "chrome-extension://abcdefgh"],
)  # fmt: skip
def test_possible_origin_is_valid(origin: str) -> None:
    check_configuration(f'[endpoint.web]\ntype = "websocket"\norigins = ["{origin}"]\n')


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ("http://192.168.1.300", "300 is more than 255"),
        ("http://192.168.001.5:80", "write 192.168.1.5"),
        ("http://192.168.1.x", "'x' is not a number"),
        ("https://${DESK}", "OSCBRIDGE__ENDPOINT__WEB__ORIGINS"),
        ("https://desk name", "contains a blank"),
        ("dash.example.org", "did you mean 'https://dash.example.org'?"),
        ("https://dash.example.org/", "did you mean 'https://dash.example.org'?"),
        ("https://dash.example.org/page?x=1", "did you mean 'https://dash.example.org'?"),
        ("https://Dash.Example.org", "did you mean 'https://dash.example.org'?"),
        ("https://dash.example.org:443", "did you mean 'https://dash.example.org'?"),
        ("http://dash.example.org:80", "did you mean 'http://dash.example.org'?"),
        ("https://*.example.org", "contains '*'"),
    ],
)
def test_origin_that_no_browser_sends_is_an_error(origin: str, problem: str) -> None:
    assert problem in error_of(f'origins = ["{origin}"]')


@pytest.mark.parametrize("key", ["token", "tokens"])
def test_former_key_of_a_token_names_the_new_table(key: str) -> None:
    text = error_of(f'{key} = {{ env = "TOKEN" }}')
    assert f"endpoint.web.{key}: moved to [[token]], with the key endpoints" in text
    assert "'oscbridge check --fix' moves it" in text


def test_key_without_certificate_is_an_error(certificate: Any) -> None:
    assert "set 'certificate' as well" in error_of(f'key = "{certificate.key}"')


def test_key_of_another_certificate_is_an_error(certificate: Any, other_certificate: Any) -> None:
    text = error_of(f'certificate = "{certificate.certificate}"\nkey = "{other_certificate.key}"')
    assert f"{other_certificate.key} is not the key of {certificate.certificate}" in text


def test_key_of_another_type_is_an_error(certificate: Any, tmp_path: Path) -> None:
    key = tmp_path / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    text = error_of(f'certificate = "{certificate.certificate}"\nkey = "{key}"')
    assert f"{key} is not the key of" in text


def test_file_without_certificate_is_an_error(certificate: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("call the venue")
    text = error_of(f'certificate = "{tmp_path / "notes.txt"}"\nkey = "{certificate.key}"')
    assert "notes.txt: no PEM certificate" in text


@pytest.mark.parametrize("name", ["notes.txt", None])
def test_file_without_key_is_an_error(certificate: Any, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "notes.txt").write_text("call the venue")
    key = "" if name is None else f'key = "{tmp_path / name}"'
    text = error_of(f'certificate = "{certificate.certificate}"\n{key}')
    assert "no PEM private key" in text


def test_key_with_a_passphrase_is_an_error_without_a_prompt(
    certificate: Any, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:word", "-in", certificate.key]
    subprocess.run([*command, "-out", locked], check=True)
    text = error_of(f'certificate = "{certificate.certificate}"\nkey = "{locked}"')
    assert "it has a passphrase" in text


def test_one_file_may_contain_certificate_and_key(certificate: Any, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.certificate.read_bytes() + certificate.key.read_bytes())
    text = f'[endpoint.web]\ntype = "websocket"\ncertificate = "{both}"\n'
    check_configuration(text)  # raises nothing


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:8080", "localhost:8080"])
def test_loopback_without_a_token_is_not_a_warning(
    listen: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f'[endpoint.web]\ntype = "websocket"\nlisten = "{listen}"\n'
    check_configuration(text)
    assert "can listen and send" not in caplog.text


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:80", "stage.lan:80"])
def test_public_address_without_a_token_is_one_warning(
    listen: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f'[endpoint.web]\ntype = "websocket"\nlisten = "{listen}"\n'
    check_configuration(text + token)
    assert "can listen and send" not in caplog.text
    check_configuration(text)
    (warning,) = [r.getMessage() for r in caplog.records if "can listen and send" in r.message]
    assert warning == (
        f"test.toml: endpoint.web: everyone who reaches {listen} can listen and send; "
        "add a [[token]], or listen on 127.0.0.1"
    )


# --- files, frames, pings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('files = "missing/"', "no such file"),
        ('files = "index.html"', "index.html: "),
        ('files = ""', "expected the name of a folder"),
        ('path_prefix = "stage"', "did you mean '/stage'?"),
        ("frame_rate = -1", "must be from 0.1 to 1000, or 0"),
        ("frame_rate = 5000", "must be from 0.1 to 1000, or 0"),
        ("ping_interval = 0.5", "must be from 1 to 3600 s, or 0"),
        ('trusted_proxies = ["proxy.local"]', "is not a network or an address"),
        ('allow = "10.0.0.0/8"', "expected a list of networks"),
        ('files = "."\ncertificate = "one.pem"\nkey = "one.key"', "everybody could read it"),
    ],
)
def test_unusable_value_is_a_problem(
    text: str,
    problem: str,
    tmp_path: Path,
    certificate: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "index.html").write_text("")
    (tmp_path / "one.pem").write_bytes(certificate.certificate.read_bytes())
    (tmp_path / "one.key").write_bytes(certificate.key.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert problem in error_of(text)


def test_folder_without_a_page_is_a_warning(tmp_path: Path) -> None:
    options = WebSocketOptions(files=tmp_path)
    assert "has no index.html" in " ".join(options.config_warnings())
