"""``[[token]]``: reading it, its errors, its warnings, and its keys in the environment."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import pytest

import oscbridge
from oscbridge import ConfigurationError, Endpoint
from oscbridge.access.token import digest_of
from oscbridge.bridge.config.config import Configuration, parse


class DoorOptions(oscbridge.Options):
    token_keys: ClassVar[Collection[str]] = ("token", "tokens")

    listen: oscbridge.HostPort = oscbridge.HostPort("127.0.0.1", 0)


class Door(Endpoint[DoorOptions], oscbridge.Guarded):
    def on_access_changed(self) -> None:
        pass


class Wire(Endpoint):
    pass


TYPES: dict[str, type[Endpoint]] = {"door": Door, "wire": Wire}
FILE = """
[endpoint.front]
type = "door"

[endpoint.back]
type = "door"

[endpoint.line]
type = "wire"
"""


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"{name}-and-secret\n")
    (tmp_path / "again").write_text("one-and-secret\n")
    (tmp_path / "short").write_text("abc1234\n")


def token(name: str = "one", keys: str = "", file: str | None = None) -> str:
    return f'[[token]]\nname = "{name}"\nsecret = {{ file = "{file or name}" }}\n{keys}\n'


def read(text: str) -> Configuration:
    return parse(FILE + text, TYPES, "show.toml")


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert "and-secret" not in str(caught.value)
    return [line.removeprefix("show.toml: ") for line in str(caught.value).splitlines()]


# --- valid -------------------------------------------------------------------------------------


def test_token_may_listen_and_send_everywhere_by_default() -> None:
    (found,) = read(token()).tokens
    assert found.name == "one"
    assert found.has(digest_of("one-and-secret"))
    assert not found.has(digest_of("two-and-secret"))
    assert found.rights.rights == {"listen", "send"}
    assert found.rights.addresses is None
    assert [found.is_valid_at(name) for name in ("front", "back", "http")] == [True, True, True]


def test_token_with_endpoints_is_valid_only_there() -> None:
    keys = 'endpoints = ["front", "http"]\nrights = ["configure"]\naddresses = ["/mixer/*"]'
    (found,) = read(token(keys=keys) + "[http]\n").tokens
    assert [found.is_valid_at(name) for name in ("front", "back", "http")] == [True, False, True]
    assert found.rights.rights == {"configure"}
    assert found.rights.addresses is not None
    assert found.rights.addresses.texts == ("/mixer/*",)


def test_secret_is_not_kept_or_shown() -> None:
    configuration = read(token())
    assert "and-secret" not in repr(configuration)
    assert "digest" not in repr(configuration)


# --- problems ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            token(keys='endpoints = ["frnt"]'),
            "token 1 (one): endpoints.1 = 'frnt': unknown endpoint; did you mean 'front'?",
        ),
        (
            token(keys='endpoints = ["x"]'),
            "token 1 (one): endpoints.1 = 'x': unknown endpoint; available: front, back, http",
        ),
        (
            token(keys='endpoints = ["line"]'),
            "token 1 (one): endpoints.1 = 'line': this endpoint asks for no token; "
            "remove the name",
        ),
        (
            token() + token("one", file="two"),
            "token 2 (one): name = 'one': duplicate name: token 1 has it too; rename one",
        ),
        (
            token() + token("two", file="again"),
            "token 2 (two): secret: token 1 (one) has the same secret; every token needs its own, "
            "and one token may be valid for several endpoints",
        ),
        (
            token(keys='rights = ["write"]'),
            "token 1 (one): rights.1 = 'write': expected 'listen', 'send' or 'configure'; "
            'the default is ["listen", "send"]',
        ),
        (
            token(keys='rights = ["lisen"]'),
            "token 1 (one): rights.1 = 'lisen': expected 'listen', 'send' or 'configure'; "
            "did you mean 'listen'?",
        ),
        (
            token(keys='rights = "both"'),
            "token 1 (one): rights = 'both': expected a list; write [\"listen\", \"send\"]",
        ),
        (
            token(keys='rights = "listen"'),
            "token 1 (one): rights = 'listen': expected a list; write [\"listen\"]",
        ),
        (token(keys="rights = []"), "name at least one right"),
        (token(keys="addresses = []"), "leave the key out to allow all addresses"),
        (token(keys="endpoints = []"), "leave the key out for a token valid everywhere"),
        (token(keys='addresses = ["mixer"]'), "'mixer': an address must start with '/'"),
        (token(keys='addresses = ["/a["]'), "unclosed '['"),
        ("[[token]]\nsecret = { file = 'one' }", "token 1: name: missing key"),
        ("[[token]]\nname = 'a'", "token 1 (a): secret: missing key"),
        (
            "[[token]]\nname = 'a'\nsecret = 'one-and-secret'",
            "token 1 (a): secret: a secret must not be written in the configuration",
        ),
        (
            "[[token]]\nname = 'a b'\nsecret = { file = 'one' }",
            "token 1: name = 'a b': invalid name; use up to 64 letters a-z, digits, '-' and '_'",
        ),
        ("[token]\nsecret = 'one-and-secret'", "token: expected a list of tables; write [[token]]"),
        (
            "[[token]]\nname = 'a'\ntoken = 'one-and-secret'",
            "token 1 (a): token: renamed to 'secret'",
        ),
        (token(keys="right = 1"), "token 1 (one): right: unknown key; did you mean 'rights'?"),
    ],
)  # fmt: skip
def test_problem_of_a_token_has_its_place_and_its_fix(text: str, problem: str) -> None:
    assert any(problem in each for each in problems(text)), problems(text)


def test_number_of_tokens_is_limited() -> None:
    (problem,) = problems("\n".join(token(f"a{n}", file="one") for n in range(257)))
    assert problem == "token: 257 tokens; at most 256 are allowed"


def test_http_is_ambiguous_if_an_endpoint_has_that_name() -> None:
    text = '[endpoint.http]\ntype = "door"\n' + token(keys='endpoints = ["http"]')
    (problem,) = problems(text)
    assert "ambiguous: [http] or [endpoint.http]; rename the endpoint" in problem


def test_problem_in_an_included_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(token())
    (tmp_path / "b.toml").write_text(token("one", file="two"))
    (tmp_path / "show.toml").write_text(f'include = ["a.toml", "b.toml"]\n{FILE}')
    with pytest.raises(ConfigurationError, match=r"b\.toml: token 2"):
        parse((tmp_path / "show.toml").read_text(), TYPES, "show.toml", tmp_path)


# --- warnings ----------------------------------------------------------------------------------


def test_short_secret_is_a_warning_that_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    read(token("short"))
    assert (
        "show.toml: token 1 (short): secret: shorter than 8 characters, which is easy to guess; "
        "`openssl rand -hex 16` makes one" in caplog.messages
    )
    assert "abc1234" not in caplog.text


def test_blank_around_a_secret_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "one").write_text(" one-and-secret")
    read(token())
    assert "token 1 (one): secret: " in caplog.text
    assert "begins or ends with a blank" in caplog.text


def test_token_for_http_alone_without_http_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    read(token(keys='endpoints = ["http"]'))
    assert "token 1 (one): endpoints: no effect: the table [http] is missing" in caplog.text


PUBLIC = '[endpoint.open]\ntype = "door"\nlisten = "0.0.0.0:8080"\n'


def test_public_endpoint_without_a_valid_token_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read(PUBLIC + token(keys='endpoints = ["front"]'))
    assert (
        "show.toml: endpoint.open: everyone who reaches 0.0.0.0:8080 can listen and send; "
        "add a [[token]], or listen on 127.0.0.1" in caplog.messages
    )
    caplog.clear()
    read(PUBLIC + token())
    assert "can listen and send" not in caplog.text


def test_endpoint_whose_tokens_only_configure_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read(token(keys='rights = ["configure"]') + token("two", 'endpoints = ["front"]'))
    assert [each for each in caplog.messages if "nobody can" in each] == [
        "show.toml: endpoint.back: its only tokens (one) may neither listen nor send, so nobody "
        "can; set their 'endpoints', or add a [[token]]"
    ]


# --- former keys -------------------------------------------------------------------------------


@pytest.mark.parametrize("old", ["token = { file = 'one' }", "tokens = []", "token = 'a-secret'"])
def test_token_of_an_endpoint_names_the_new_table(old: str) -> None:
    key = old.partition(" ")[0]
    assert problems(f'[endpoint.side]\ntype = "door"\n{old}') == [
        f'endpoint.side.{key}: moved to [[token]], with the key endpoints = ["side"]; '
        "'oscbridge check --fix' moves it in the file"
    ]


def test_token_of_an_endpoint_without_tokens_is_an_unknown_key() -> None:
    (problem,) = problems('[endpoint.side]\ntype = "wire"\ntoken = { file = "one" }')
    assert problem.startswith("endpoint.side.token: unknown key; ")


# --- the environment ---------------------------------------------------------------------------


def test_environment_changes_a_token_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSCBRIDGE__TOKEN__ONE__RIGHTS", '["listen"]')
    (found,) = read(token()).tokens
    assert found.rights.rights == {"listen"}


def test_environment_adds_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSCBRIDGE__TOKEN__WALL__SECRET", '{ file = "two" }')
    monkeypatch.setenv("OSCBRIDGE__TOKEN__WALL__ENDPOINTS", '["front"]')
    one, wall = read(token()).tokens
    assert (one.name, wall.name) == ("one", "wall")
    assert wall.is_valid_at("front") and not wall.is_valid_at("back")
    assert [each.name for each in read("").tokens] == ["wall"]


def test_problem_of_a_token_from_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSCBRIDGE__TOKEN__WAL__RIGHTS", '["listen"]')
    (problem,) = problems(token())
    assert problem == "token 2 (wal): secret: missing key (from OSCBRIDGE__TOKEN__WAL__RIGHTS)"


@pytest.mark.parametrize("path", ["ONE", "1__NAME"])
def test_variable_for_a_missing_token_says_how_to_add_one(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv(f"OSCBRIDGE__TOKEN__{path}", "one-and-secret")
    assert problems("") == [
        f"environment: OSCBRIDGE__TOKEN__{path}: the file has no [[token]] that it could change; "
        "to add one, set OSCBRIDGE__TOKEN__NAME__SECRET"
    ]


def test_former_key_in_the_environment_names_the_variable_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSCBRIDGE__ENDPOINT__FRONT__TOKEN", '{ file = "one" }')
    (problem,) = problems("")
    assert problem == (
        'endpoint.front.token: moved to [[token]], with the key endpoints = ["front"]; '
        "set OSCBRIDGE__TOKEN__FRONT__SECRET instead (from OSCBRIDGE__ENDPOINT__FRONT__TOKEN)"
    )


def test_variable_without_the_prefix_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OSCBRIDGE_TOKEN_WALL_SECRET", "x")
    read("")
    assert "OSCBRIDGE_TOKEN_WALL_SECRET is ignored" in caplog.text
