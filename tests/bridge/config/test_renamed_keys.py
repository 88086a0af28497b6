"""Former names of keys: an error that names the current one, and rewriting a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import ClassVar

import pytest

import oscbridge
from oscbridge import ConfigurationError, Endpoint
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.bridge.config.renamed_keys import rename_keys


class Item(oscbridge.Options):
    renamed_keys: ClassVar[Mapping[str, str]] = {"weight": "max_weight"}

    max_weight: int = 1


class RenamedOptions(oscbridge.Options):
    renamed_keys: ClassVar[Mapping[str, str]] = {"site": "page", "box": "item"}

    page: bool = True
    item: Item | None = None
    items: tuple[Item, ...] = ()


class RenamedRoute(oscbridge.Options):
    renamed_keys: ClassVar[Mapping[str, str]] = {"ch": "channel"}

    channel: int = 1


class Server(Endpoint[RenamedOptions, oscbridge.Delivery[RenamedRoute]]):
    async def send(self, delivery: oscbridge.Delivery[RenamedRoute]) -> None:
        pass


TYPES: dict[str, type[Endpoint]] = {"server": Server}
SERVER = '[endpoint.a]\ntype = "server"\n'


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, TYPES, "show.toml")
    return [line.removeprefix("show.toml: ") for line in str(caught.value).splitlines()]


def renamed(text: str) -> str:
    return rename_keys(text, TYPES, "show.toml")[0]


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), LimitOptions.renamed_keys.items())
def test_former_name_of_a_limit_names_the_current_one(old: str, new: str) -> None:
    assert problems(f"[bridge.a]\nlimits = {{ {old} = 16 }}") == [
        f"bridge.a.limits.{old}: renamed to {new!r}; 'oscbridge check --fix' renames it in the file"
    ]


@pytest.mark.parametrize(
    ("text", "place", "new"),
    [
        (SERVER + "outbox = 5", "endpoint.a.outbox", "queue"),
        (SERVER + "spool.size = 5", "endpoint.a.spool.size", "max_size"),
        (SERVER + "site = true", "endpoint.a.site", "page"),
        (SERVER + "items = [{}, { weight = 2 }]", "endpoint.a.items.2.weight", "max_weight"),
        ("[run]\ndrain = 5", "run.drain", "drain_timeout"),
    ],
)
def test_former_name_names_the_current_one(text: str, place: str, new: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"{place}: renamed to {new!r}; ")


def test_former_name_in_a_variable_names_the_variable_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSCBRIDGE__BRIDGE__A__LIMITS__PACKET", "4096")
    assert problems("[bridge.a]") == [
        "bridge.a.limits.packet: renamed to 'max_packet_size'; "
        "set OSCBRIDGE__BRIDGE__A__LIMITS__MAX_PACKET_SIZE instead "
        "(from OSCBRIDGE__BRIDGE__A__LIMITS__PACKET)"
    ]


def test_former_name_in_a_table_of_a_variable_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OSCBRIDGE__BRIDGE__A__LIMITS", "{ packet = 4096 }")
    assert problems("[bridge.a]") == [
        "bridge.a.limits.packet: renamed to 'max_packet_size' (from OSCBRIDGE__BRIDGE__A__LIMITS)"
    ]


@pytest.mark.parametrize("names", [{"old": "unknown"}, {"page": "page"}])
def test_renamed_keys_must_lead_from_a_former_name_to_a_key(names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="renamed_keys"):

        class Bad(oscbridge.Options):
            renamed_keys: ClassVar[Mapping[str, str]] = names

            page: bool = True


# --- rewriting ---------------------------------------------------------------------------------


def test_file_without_former_names_is_unchanged() -> None:
    text = SERVER + "queue = 5 # five\n"
    assert rename_keys(text, TYPES, "show.toml") == (text, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("outbox = 5  # few\n", "queue = 5  # few\n", id="comment"),
        pytest.param("outbox=5", "queue=5", id="no-blanks"),
        pytest.param("outbox   = 5", "queue    = 5", id="aligned"),
        pytest.param("site = true\noutbox = 5\n", "page = true\nqueue = 5\n", id="order"),
        pytest.param('"outbox" = 5', '"queue" = 5', id="quoted"),
        pytest.param("'outbox' = 5", "'queue' = 5", id="literal"),
        pytest.param('"out\\u0062ox" = 5', '"queue" = 5', id="escaped"),
        pytest.param("spool.size = 5", "spool.max_size = 5", id="dotted"),
        pytest.param("spool . size = 5", "spool . max_size = 5", id="dotted-blanks"),
        pytest.param("spool = {size=5,age=6}", "spool = {max_size=5}\nmax_age = 6", id="inline"),
        pytest.param("spool = { size = 5 }", "spool = { max_size = 5 }", id="inline-blanks"),
        pytest.param(
            "items = [{ weight = 1 }, # one\n { weight = 2 }]",
            "items = [{ max_weight = 1 }, # one\n { max_weight = 2 }]",
            id="list-of-inline-tables",
        ),
        pytest.param("box.weight = 1", "item.max_weight = 1", id="dotted-both"),
        pytest.param("box = { weight = 1 }", "item = { max_weight = 1 }", id="inline-both"),
        pytest.param(
            "[endpoint.a.box] # old\nweight = 1",
            "[endpoint.a.item] # old\nmax_weight = 1",
            id="table",
        ),
        pytest.param(
            "[[endpoint.a.items]]\nweight = 1\n\n[[endpoint.a.items]]\nweight = 2\n",
            "[[endpoint.a.items]]\nmax_weight = 1\n\n[[endpoint.a.items]]\nmax_weight = 2\n",
            id="array-of-tables",
        ),
        pytest.param(
            "[run]\ndrain = 1\n[endpoint.a.spool]\nsize = 5",
            "[run]\ndrain_timeout = 1\n[endpoint.a.spool]\nmax_size = 5",
            id="out-of-order",
        ),
        pytest.param("# outbox = 5\n", "# outbox = 5\n", id="not-in-comments"),
    ],
)
def test_keys_are_renamed_in_place(old: str, new: str) -> None:
    assert renamed(SERVER + old) == SERVER + new


def test_keys_of_bridges_and_routes_are_renamed() -> None:
    text = (
        "[bridge.b]\nlimits.packet = 4096\n"
        + SERVER
        + '[[route]]\nfrom = "b"\nto = "a"\nserver = { ch = 1 }\n'
        '[[route]]\nfrom = "b"\nto = "a"\n[route.server]\nch = 2\n'
    )
    new, keys = rename_keys(text, TYPES, "show.toml")
    assert new == text.replace("packet", "max_packet_size").replace("ch =", "channel =")
    assert [str(each) for each in keys] == [
        "bridge.b.limits.packet: renamed to 'max_packet_size'",
        "route 1: server.ch: renamed to 'channel'",
        "route 2: server.ch: renamed to 'channel'",
    ]
    parse(new, TYPES, "show.toml")


def test_line_endings_of_windows_are_kept() -> None:
    text = (SERVER + "outbox = 5 # five\n\n[run]\ndrain = 1\n").replace("\n", "\r\n")
    new = text.replace("outbox", "queue").replace("drain", "drain_timeout")
    assert renamed(text) == new


@pytest.mark.parametrize(
    "text",
    [
        SERVER + "outbox = 5\nqueue = 6",
        SERVER + "[endpoint.a.spool]\nsize = 5\nmax_size = 6",
        SERVER + "box = {}\nitem = {}",
    ],
)
def test_key_under_both_names_is_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is set too; remove one of them"):
        renamed(text)


def test_file_that_is_not_toml_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"show\.toml: not valid TOML"):
        renamed("[endpoint")


def test_key_of_an_unknown_type_is_kept() -> None:
    text = '[endpoint.a]\ntype = "other"\nsite = true\noutbox = 1\n'
    assert tomllib.loads(renamed(text))["endpoint"]["a"] == {
        "type": "other",
        "site": True,
        "queue": 1,
    }


# --- moved keys --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["age", "max_age"])
def test_moved_key_names_its_place(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(f"{SERVER}policy = 'spool'\nspool.path = 'x'\nspool.{key} = 5") == [
        f"endpoint.a.spool.{key}: moved to 'endpoint.a.max_age'; "
        "'oscbridge check --fix' moves it in the file"
    ]
    monkeypatch.setenv(f"OSCBRIDGE__ENDPOINT__A__SPOOL__{key.upper()}", "5")
    assert problems(f"{SERVER}policy = 'spool'\nspool.path = 'x'") == [
        f"endpoint.a.spool.{key}: moved to 'endpoint.a.max_age'; "
        "set OSCBRIDGE__ENDPOINT__A__MAX_AGE instead "
        f"(from OSCBRIDGE__ENDPOINT__A__SPOOL__{key.upper()})"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '[endpoint.a.spool]\npath = "x"\nmax_age = 60  # a minute\n\n[endpoint.b]\n',
            'max_age = 60  # a minute\n\n[endpoint.a.spool]\npath = "x"\n\n[endpoint.b]\n',
        ),
        ("spool.age = 6 # six\n", "max_age = 6 # six\n"),
        ('spool = {path = "x", age = 6}\n', 'spool = {path = "x"}\nmax_age = 6\n'),
    ],
    ids=["table", "dotted", "inline"],
)
def test_moved_key_is_moved_with_its_comment(before: str, after: str) -> None:
    found = renamed(SERVER + before)
    assert tomllib.loads(found).keys() == tomllib.loads(SERVER + after).keys()
    endpoint = tomllib.loads(found)["endpoint"]["a"]
    expected = tomllib.loads(SERVER + after)["endpoint"]["a"]
    endpoint.setdefault("spool", {})
    expected.setdefault("spool", {})
    assert endpoint == expected
    assert [each for each in found.split() if each in ("#", "minute", "six")] == [
        each for each in after.split() if each in ("#", "minute", "six")
    ]


def test_moved_key_that_is_set_at_both_places_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'max_age' is set too; remove one of them"):
        renamed(SERVER + "max_age = 5\nspool.max_age = 6")
