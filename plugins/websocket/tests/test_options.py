"""What is wrong with the options is said by ``oscbridge check``, with the mend."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from oscbridge import ConfigurationError
from oscbridge.bridge.config.config import parse
from oscbridge.plugins import Plugins


def fault(options: str) -> str:
    text = f'[endpoint.web]\ntype = "websocket"\n{options}\n'
    with pytest.raises(ConfigurationError) as caught:
        parse(text, Plugins().endpoint_types, "test")
    return str(caught.value)


def test_a_token_does_not_stand_in_the_file() -> None:
    text = fault('token = "very-secret-indeed"')
    assert "a secret must not be written in the configuration" in text
    assert "very-secret" not in text


def test_a_short_token_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc1234")
    text = fault(f'token = {{ file = "{tmp_path / "token"}" }}')
    assert "at least 8 characters" in text
    assert "openssl rand -hex 16" in text
    assert "abc1234" not in text


def test_two_tokens_are_not_the_same(token: str) -> None:
    again = token.replace("token =", "[[endpoint.web.tokens]]\ntoken =")
    assert "two tokens are the same" in fault(token + again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('rights = "write"', "expected 'listen', 'send' or 'both'"),
        ('addresses = ["mixer"]', "'mixer': an address starts with '/'"),
        ('addresses = ["/a["]', "unclosed '['"),
        ("addresses = []", "leave the key out"),
    ],
)
def test_rights_are_looked_at(tokens: Any, options: str, words: str) -> None:
    assert words in fault(tokens(one=options))


def test_a_key_alone_is_of_no_use(certificate: Any) -> None:
    assert "set certificate as well" in fault(f'key = "{certificate.key}"')


def test_a_key_that_belongs_to_another_certificate_is_found(
    certificate: Any, other_certificate: Any
) -> None:
    text = fault(f'certificate = "{certificate.certificate}"\nkey = "{other_certificate.key}"')
    assert f"{other_certificate.key} is not the key of {certificate.certificate}" in text


def test_a_key_of_another_kind_is_found(certificate: Any, tmp_path: Path) -> None:
    key = tmp_path / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    text = fault(f'certificate = "{certificate.certificate}"\nkey = "{key}"')
    assert f"{key} is not the key of" in text


def test_a_file_that_is_no_certificate_is_found(certificate: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("call the venue")
    text = fault(f'certificate = "{tmp_path / "notes.txt"}"\nkey = "{certificate.key}"')
    assert "notes.txt: no certificate in PEM" in text


@pytest.mark.parametrize("name", ["notes.txt", None])
def test_a_key_that_is_missing_is_found(certificate: Any, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "notes.txt").write_text("call the venue")
    key = "" if name is None else f'key = "{tmp_path / name}"'
    text = fault(f'certificate = "{certificate.certificate}"\n{key}')
    assert "no private key in PEM" in text


def test_a_key_with_a_passphrase_is_found_and_nobody_is_asked(
    certificate: Any, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:word", "-in", certificate.key]
    subprocess.run([*command, "-out", locked], check=True)
    text = fault(f'certificate = "{certificate.certificate}"\nkey = "{locked}"')
    assert "it has a passphrase" in text


def test_one_file_may_hold_certificate_and_key(certificate: Any, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.certificate.read_bytes() + certificate.key.read_bytes())
    text = f'[endpoint.web]\ntype = "websocket"\ncertificate = "{both}"\n'
    parse(text, Plugins().endpoint_types, "test")  # raises nothing
