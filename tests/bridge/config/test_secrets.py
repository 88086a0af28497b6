"""Secrets of a configuration from the environment and from other files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import oscbridge
from oscbridge import ConfigurationError, Endpoint, file_reading
from oscbridge.bridge.config.config import load


class LockedOptions(oscbridge.Options):
    token: oscbridge.Secret | None = None
    certificate: oscbridge.File | None = None


class Locked(Endpoint[LockedOptions]):
    """Has secrets."""


def options(folder: Path, lines: str) -> LockedOptions:
    path = folder / "show.toml"
    path.write_text(f'[endpoint.a]\ntype = "locked"\n{lines}\n')
    found = load(path, {"locked": Locked}).endpoints["a"].options
    assert isinstance(found, LockedOptions)
    return found


def problem(folder: Path, lines: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        options(folder, lines)
    return str(caught.value).removeprefix(f"{folder / 'show.toml'}: endpoint.a.")


def test_secret_is_read_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOW_TOKEN", "hunter2")
    secret = options(tmp_path, 'token = { env = "SHOW_TOKEN" }').token
    assert secret is not None
    assert secret.value == "hunter2"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_secret_is_read_from_a_file_next_to_the_configuration(tmp_path: Path, end: str) -> None:
    (tmp_path / "token").write_bytes(b"hunter2 " + end.encode())
    secret = options(tmp_path, 'token = { file = "token" }').token
    assert secret is not None
    assert secret.value == "hunter2 "


def test_secret_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    found = options(tmp_path, 'token = { file = "token" }')
    assert "hunter2" not in f"{found} {found!r} {found.token} {found.model_dump()}"


def test_secrets_are_equal_when_their_values_are(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    (tmp_path / "same").write_text("hunter2")
    one, same = (options(tmp_path, f'token = {{ file = "{n}" }}') for n in ("token", "same"))
    assert one == same
    (tmp_path / "same").write_text("another")
    assert one != options(tmp_path, 'token = { file = "same" }')


def test_secret_can_be_compared_with_any_characters() -> None:
    secret = oscbridge.Secret("grün")
    assert secret.matches("grün")
    assert not secret.matches("\ud800")
    assert not secret.matches("")


HOW = 'write { env = "NAME" } or { file = "path" }'


@pytest.mark.parametrize("value", ['"hunter2"', "7", '{ evn = "hunter2" }', "{}", '["hunter2"]'])
def test_secret_in_the_file_is_rejected_and_not_shown(tmp_path: Path, value: str) -> None:
    text = problem(tmp_path, f"token = {value}")
    assert text == f"token: a secret must not be written in the configuration; {HOW}"


def test_missing_secret_is_a_problem(tmp_path: Path) -> None:
    os.environ.pop("NO_SUCH_TOKEN", None)
    text = problem(tmp_path, 'token = { env = "NO_SUCH_TOKEN" }')
    assert text == "token: environment variable 'NO_SUCH_TOKEN' is not set; set it"
    text = problem(tmp_path, 'token = { file = "nowhere" }')
    assert text == f"token: {tmp_path / 'nowhere'}: no such file"


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8"), (b"x" * 70_000, "longer")],
)
def test_file_without_a_secret_is_a_problem(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "token").write_bytes(content)
    assert text in problem(tmp_path, 'token = { file = "token" }')


def test_relative_path_starts_at_the_directory_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "server.pem").write_text("x")
    assert options(tmp_path, 'certificate = "server.pem"').certificate == tmp_path / "server.pem"
    absolute = tmp_path / "server.pem"
    assert options(tmp_path, f'certificate = "{absolute}"').certificate == absolute


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("nowhere", "no such file"),
        (".", "this is a directory; name a file"),
        ("a\\u0000b", "not a valid file name"),
    ],
)
def test_unreadable_file_is_a_problem(tmp_path: Path, value: str, text: str) -> None:
    assert text in problem(tmp_path, f'certificate = "{value}"')


# --- what surrounds a secret -------------------------------------------------------------------


def _written(folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, data: bytes) -> str:
    """The key ``token`` whose secret has this content."""
    if where == "file":
        (folder / "token").write_bytes(data)
        return 'token = { file = "token" }'
    monkeypatch.setenv("SHOW_TOKEN", os.fsdecode(data))
    return 'token = { env = "SHOW_TOKEN" }'


@pytest.mark.parametrize("where", ["file", "env"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n", b"\r", b"\r\n\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark_are_not_part_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, end: bytes, mark: bytes
) -> None:
    line = _written(tmp_path, monkeypatch, where, mark + b"secret-token-1" + end)
    secret = options(tmp_path, line).token
    assert secret is not None
    assert secret.value == "secret-token-1"


@pytest.mark.parametrize("where", ["file", "env"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"secret\ttoken", "contains the control character U+0009 at position 7; remove it"),
        (b"secret\x1b[0m", "contains the control character U+001B at position 7; remove it"),
        (b"secret\x7f", "contains the control character U+007F at position 7; remove it"),
        (b"secret\xc2\x85", "contains the control character U+0085 at position 7; remove it"),
        (b"one\ntwo", "has several lines; a secret is one line"),
        (b"\nsecret", "has several lines; a secret is one line"),
        (b"gro\xdf", "is not UTF-8"),
        ("\ufefftoken".encode("utf-16-le").rstrip(b"\0"), "is UTF-16; save it as UTF-8"),
        (b"\r\n", "is empty"),
    ],
)
def test_secret_with_control_characters_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, data: bytes, reason: str
) -> None:
    if where == "env" and b"\0" in data:
        data = data.replace(b"\0", b"x")  # a variable cannot contain it
    found = problem(tmp_path, _written(tmp_path, monkeypatch, where, data))
    name = str(tmp_path / "token") if where == "file" else "environment variable 'SHOW_TOKEN'"
    assert found == f"token: {name} {reason}"


@pytest.mark.parametrize("where", ["file", "env"])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'"secret-token"\n', "has quotes around it"),
        (b"'secret-token'", "has quotes around it"),
        ("secret-token\u200b".encode(), "the invisible character U+200B at position 13"),
        ("secret\u2028token".encode(), "the invisible character U+2028 at position 7"),
        (b" secret-token", "begins or ends with a blank"),
        (b"secret-token \n", "begins or ends with a blank"),
        ("secret-token\u00a0".encode(), "begins or ends with a blank"),
    ],
)
def test_quotes_and_blanks_around_a_secret_are_a_warning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
    data: bytes,
    what: str,
) -> None:
    secret = options(tmp_path, _written(tmp_path, monkeypatch, where, data)).token
    assert secret is not None
    assert secret.value == data.decode().rstrip("\n")
    (line,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert "endpoint.a.token: " in line
    assert what in line
    assert "secret-token" not in line


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipe", "not a regular file; name a file"),
        ("/dev/zero", "not a regular file; name a file"),
        ("huge", "larger than 16777216 bytes; name another file"),
    ],
)
def test_file_is_a_regular_one_of_a_limited_size(tmp_path: Path, name: str, text: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 30)
    assert text in problem(tmp_path, f'certificate = "{name}"')


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipe", "this pipe or device has not ended within 0.05 s; name a file"),
        ("/dev/zero", "/dev/zero is longer than 65536 bytes"),
    ],
)
def test_secret_that_does_not_end_is_a_problem(
    tmp_path: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_reading, "PIPE_TIMEOUT", 0.05)
    os.mkfifo(tmp_path / "pipe")
    assert text in problem(tmp_path, f'token = {{ file = "{name}" }}')
