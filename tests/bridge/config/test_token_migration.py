"""``check --fix`` moves the tokens of endpoints to tables ``[[token]]``."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from typing import ClassVar

import pytest

import oscbridge
from oscbridge import ConfigurationError, Endpoint
from oscbridge.bridge.config.renamed_keys import rename_keys


class GateOptions(oscbridge.Options):
    token_keys: ClassVar[Collection[str]] = ("token", "tokens")

    renamed_keys: ClassVar[Mapping[str, str]] = {"site": "page"}

    page: int = 0


class Gate(Endpoint[GateOptions], oscbridge.Guarded):
    def on_access_changed(self) -> None:
        pass


TYPES: dict[str, type[Endpoint]] = {"gate": Gate, "plain": Endpoint}


def fixed(text: str) -> str:
    """The rewritten file, which must have nothing more to fix."""
    new, _ = rename_keys(text, TYPES, "show.toml")
    assert rename_keys(new, TYPES, "show.toml") == (new, [])
    return new


def reported(text: str) -> list[str]:
    return [str(each) for each in rename_keys(text, TYPES, "show.toml")[1]]


def tokens(text: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = tomllib.loads(fixed(text))["token"]
    return found


OLD = """\
# The stage
[endpoint.web]
type   = "gate"
page   = 8080
# for the desk
token  = { file = "desk.token" }     # may do everything

# The screen in the foyer
[[endpoint.web.tokens]]
token  = { file = "wall.token" }
rights = "listen"                    # nothing else

[[endpoint.web.tokens]]
token     = { env = "MIXER_TOKEN" }
addresses = [
    "/mixer/*",  # all of it
    "/meters/{a,b}",
]

# Routes
[[route]]
from = "stage"
to   = "web"
"""

NEW = """\
# The stage
[endpoint.web]
type   = "gate"
page   = 8080

# for the desk
[[token]]
name      = "web"
secret    = { file = "desk.token" }     # may do everything
endpoints = ["web"]

# The screen in the foyer
[[token]]
name      = "web-wall"
secret    = { file = "wall.token" }
rights    = ["listen"]                    # nothing else
endpoints = ["web"]

[[token]]
name      = "web-mixer"
secret    = { env = "MIXER_TOKEN" }
addresses = [
    "/mixer/*",  # all of it
    "/meters/{a,b}",
]
endpoints = ["web"]

# Routes
[[route]]
from = "stage"
to   = "web"
"""


def test_tokens_become_tables_with_comments_and_order_kept() -> None:
    assert fixed(OLD) == NEW


def test_report_has_the_old_place_and_the_new_name() -> None:
    assert reported(OLD) == [
        "endpoint.web.token: moved to [[token]] 'web'",
        "endpoint.web.tokens.1: moved to [[token]] 'web-wall'",
        "endpoint.web.tokens.2: moved to [[token]] 'web-mixer'",
    ]


def test_windows_line_ends_are_kept() -> None:
    assert fixed(OLD.replace("\n", "\r\n")) == NEW.replace("\n", "\r\n")


WEB = '[endpoint.web]\ntype = "gate"\n'


@pytest.mark.parametrize(
    "old",
    [
        WEB + 'token = { file = "a" }',
        WEB + 'token.file = "a"',
        WEB + '"token" = { file = "a" }  # why',
        WEB + '[endpoint.web.token]\nfile = "a"',
        WEB + '[endpoint.web.token] # why\n# file\nfile = "a"\n\n[run]\n',
        'endpoint.web = { type = "gate", token = { file = "a" } }',
        'endpoint.web.type = "gate"\nendpoint.web.token.file = "a"\n\n[run]\n',
        '[endpoint]\nweb = { type = "gate", token = { file = "a" } }\n\n[run]\n',
        '[endpoint]\nweb.type = "gate"\nweb.token = { file = "a" }\n',
        '[endpoint."web"]\ntoken = { file = "a" }\ntype = "gate"',
    ],
)
def test_token_is_moved_however_it_is_written(old: str) -> None:
    assert tokens(old) == [{"name": "web", "secret": {"file": "a"}, "endpoints": ["web"]}]
    for comment in ("# why", "# file"):
        assert (comment in old) == (comment in fixed(old))


@pytest.mark.parametrize(
    "old",
    [
        WEB + 'tokens = [{ token = { file = "a" }, rights = "both" }, { token = { env = "B" } }]',
        WEB + 'tokens = [\n  { token = { file = "a" }, rights = "both" }, # why\n'
        '  { token = { env = "B" } },\n]\n\n[run]\n',
        WEB + '[[endpoint.web.tokens]]\ntoken.file = "a"\nrights = "both"\n'
        '[[endpoint.web.tokens]]\n[endpoint.web.tokens.token]\nenv = "B"\n',
        WEB + '  [[endpoint.web.tokens]]\n  token.file = "a"\n  rights = "both"\n'
        '[[ endpoint . "web" . tokens ]]\n"token" = { env = "B" }',
        'endpoint.web = { type = "gate", tokens = [{ token = { file = "a" }, rights = "both" }, '
        '{ token = { env = "B" } }] }',
    ],
)
def test_list_of_tokens_is_moved_however_it_is_written(old: str) -> None:
    assert tokens(old) == [
        {
            "name": "web-a",
            "secret": {"file": "a"},
            "rights": ["listen", "send"],
            "endpoints": ["web"],
        },
        {"name": "web-b", "secret": {"env": "B"}, "endpoints": ["web"]},
    ]


def test_several_endpoints_with_files_of_equal_names_get_different_names() -> None:
    text = ""
    for name in ("web", "side"):
        text += f'[endpoint.{name}]\ntype = "gate"\ntoken = {{ file = "{name}/token" }}\n'
        for folder in ("a", "b"):
            text += f'[[endpoint.{name}.tokens]]\ntoken = {{ file = "{name}/{folder}/wall" }}\n'
    found = tokens(text)
    assert [each["name"] for each in found] == [
        "web", "web-wall", "web-wall-2", "side", "side-wall", "side-wall-2",
    ]  # fmt: skip
    assert [each["endpoints"] for each in found] == [["web"]] * 3 + [["side"]] * 3


def test_names_of_existing_tokens_are_not_taken() -> None:
    text = f'[[token]]\nname = "web"\nsecret = {{ env = "X" }}\n{WEB}token = {{ env = "Y" }}\n'
    assert [each["name"] for each in tokens(text)] == ["web", "web-2"]


def test_one_secret_of_several_endpoints_becomes_one_token() -> None:
    text = ""
    for name in ("web", "side"):
        text += f'[endpoint.{name}]\ntype = "gate"\ntoken = {{ file = "a" }}  # {name}\n\n'
    for name in ("web", "side"):
        text += f'[[endpoint.{name}.tokens]]\ntoken = {{ env = "B" }}\nrights = "send"\n\n'
    assert tokens(text) == [
        {"name": "web", "secret": {"file": "a"}, "endpoints": ["web", "side"]},
        {
            "name": "web-b",
            "secret": {"env": "B"},
            "rights": ["send"],
            "endpoints": ["web", "side"],
        },
    ]
    assert reported(text)[0] == (
        "endpoint.web.token, endpoint.side.token: moved to [[token]] 'web'"
    )


def test_secret_of_a_token_that_exists_is_refused_with_the_fix() -> None:
    text = f'[[token]]\nname = "wall"\nsecret = {{ env = "X" }}\n{WEB}token = {{ env = "X" }}\n'
    with pytest.raises(ConfigurationError) as caught:
        rename_keys(text, TYPES, "show.toml")
    assert str(caught.value) == (
        "show.toml: not changed: endpoint.web.token has the secret of [[token]] 'wall'; remove it "
        "here, and add 'web' to the endpoints there"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{WEB}tokens = []  # nobody\npage = 1\n", f"{WEB}page = 1\n"),
        ("endpoint.web = { type = 'gate', tokens = [] }\n", "endpoint.web = { type = 'gate'  }\n"),
        (
            f"{WEB}tokens = []\ntoken = {{ env = 'X' }}\n",
            f'{WEB}\n[[token]]\nname      = "web"\nsecret    = {{ env = "X" }}\n'
            'endpoints = ["web"]\n',
        ),
    ],
    ids=["key", "braces", "beside a token"],
)
def test_empty_list_of_tokens_is_removed(old: str, new: str) -> None:
    assert fixed(old) == new
    assert reported(old)[-1] == "endpoint.web.tokens: removed, as it has no tokens"


def test_one_secret_with_different_rights_is_refused() -> None:
    text = f'{WEB}token = {{ file = "a" }}\n[[endpoint.web.tokens]]\ntoken.file = "a"\n'
    text += 'rights = "listen"\n'
    with pytest.raises(ConfigurationError) as caught:
        rename_keys(text, TYPES, "show.toml")
    assert str(caught.value) == (
        "show.toml: not changed: endpoint.web.tokens.1 has the secret of endpoint.web.token, but "
        "other rights or addresses; give each its own secret"
    )


def test_tokens_of_other_types_are_left_alone() -> None:
    text = '[endpoint.desk]\ntype = "plain"\ntoken = { file = "a" }\n'
    assert rename_keys(text, TYPES, "show.toml") == (text, [])


def test_keys_are_renamed_in_the_same_step() -> None:
    text = f'{WEB}site = 5\ntoken = {{ file = "a" }}\n'
    assert reported(text) == [
        "endpoint.web.token: moved to [[token]] 'web'",
        "endpoint.web.site: renamed to 'page'",
    ]
    assert "page = 5" in fixed(text)


def test_text_that_looks_like_a_table_is_left_alone() -> None:
    text = f"{WEB}token = {{ file = 'a' }}\n"
    text += '[run]\nstate = """\n[[endpoint.web.tokens]]\ntoken = 1\n"""\n'
    assert '"""\n[[endpoint.web.tokens]]\ntoken = 1\n"""' in fixed(text)


@pytest.mark.parametrize(
    "token", ["5", '"x"', "[5]", '{ name = "a" }', '[{ name = "a", secret = { env = "A" } }]']
)
def test_file_that_cannot_be_rewritten_is_unchanged(token: str) -> None:
    text = f'token = {token}\n{WEB}token = {{ file = "a" }}\n'
    with pytest.raises(ConfigurationError) as caught:
        rename_keys(text, TYPES, "show.toml")
    assert str(caught.value) == (
        "show.toml: not changed; write the tokens of endpoints as tables [[token]] by hand"
    )


@pytest.mark.parametrize("old", ["tokens = [5]", 'tokens = [{ token = { file = "a" } }, "b"]'])
def test_token_that_is_not_a_table_is_a_problem(old: str) -> None:
    with pytest.raises(ConfigurationError, match="not changed: expected a table"):
        rename_keys(WEB + old, TYPES, "show.toml")


@pytest.mark.parametrize(
    "old",
    ["token = 5", 'token = "literal"', "tokens = [{}]", "tokens = [{ rights = 5 }]"],
)
def test_invalid_token_is_moved_or_left_for_the_check(old: str) -> None:
    rename_keys(WEB + old, TYPES, "show.toml")  # raises nothing
