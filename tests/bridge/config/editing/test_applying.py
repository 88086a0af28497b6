"""Edits change what they are for, and nothing else in the text."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge.bridge.config.editing.applying import edited_texts
from oscbridge.bridge.config.editing.document import ConfigurationDocument, read_document
from oscbridge.bridge.config.editing.edits import (
    AddTable,
    ChangeTable,
    Edit,
    EditRefused,
    MoveRoute,
    RemoveTable,
    ReplaceText,
    TomlText,
)

TEXT = """\
# The show of tonight

[bridge.stage]   # the tablets
listen = "udp://127.0.0.1:9000"

# To the desk
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9001" # the FOH rack

# Faders of the tablet
[[route]]
name  = "faders"
from  = "stage"
match = "/1/fader{n}"     # eight of them
scale = [0.0, 1.0, 0, 127]
to    = "desk"

[[route]]
name = "mutes"
from = "stage"
match = "/mute"
to = "desk"

# The last line is a comment
"""

Apply = Callable[..., str]


@pytest.fixture
def document(tmp_path: Path) -> Callable[[str], ConfigurationDocument]:
    def make(text: str) -> ConfigurationDocument:
        path = tmp_path / "show.toml"
        path.write_bytes(text.encode())
        return read_document(path, "show.toml")

    return make


@pytest.fixture
def apply(document: Callable[[str], ConfigurationDocument]) -> Apply:
    """The text of the first file after edits."""

    def run(*edits: Edit, text: str = TEXT) -> str:
        return dict(edited_texts(document(text), edits)).get("show.toml", text)

    return run


FADERS = tomllib.loads(TEXT)["route"][0]
MUTES = tomllib.loads(TEXT)["route"][1]


def test_change_of_one_key_changes_one_line(apply: Apply) -> None:
    changed = apply(ChangeTable(("route", 0), {**FADERS, "match": "/2/fader{n}"}))
    assert changed == TEXT.replace('"/1/fader{n}"     #', '"/2/fader{n}"     #')


def test_same_content_changes_nothing(apply: Apply) -> None:
    assert apply(ChangeTable(("route", 0), FADERS)) == TEXT


def test_whole_number_from_a_page_keeps_a_float(apply: Apply) -> None:
    assert apply(ChangeTable(("route", 0), {**FADERS, "scale": [0, 1, 0, 127]})) == TEXT


def test_written_value_is_exact(apply: Apply) -> None:
    changed = apply(ChangeTable(("route", 0), {**FADERS, "scale": TomlText("[0, 1, 0, 127]")}))
    assert changed == TEXT.replace("[0.0, 1.0, 0, 127]", "[0, 1, 0, 127]")


def test_new_key_follows_the_last_one(apply: Apply) -> None:
    changed = apply(ChangeTable(("route", 1), {**MUTES, "limit": "30/s"}))
    assert changed == TEXT.replace('to = "desk"\n\n# The', 'to = "desk"\nlimit = "30/s"\n\n# The')


def test_removed_key_takes_its_line(apply: Apply) -> None:
    table = {key: value for key, value in MUTES.items() if key != "match"}
    assert apply(ChangeTable(("route", 1), table)) == TEXT.replace('match = "/mute"\n', "")


def test_new_route_is_the_last_one(apply: Apply) -> None:
    changed = apply(AddTable(("route",), {"from": "stage", "to": "desk"}))
    assert changed.startswith(TEXT[: TEXT.index("\n# The last")])
    assert tomllib.loads(changed)["route"][2] == {"from": "stage", "to": "desk"}
    assert changed.endswith("\n# The last line is a comment\n")


def test_new_route_at_a_position(apply: Apply) -> None:
    changed = apply(AddTable(("route",), {"from": "stage", "to": "desk"}, 0))
    routes = tomllib.loads(changed)["route"]
    assert [each.get("name") for each in routes] == [None, "faders", "mutes"]
    assert "# Faders of the tablet\n[[route]]\nname  =" in changed


def test_new_endpoint_follows_the_others(apply: Apply) -> None:
    changed = apply(AddTable(("endpoint", "web"), {"type": "websocket"}))
    assert '# the FOH rack\n\n[endpoint.web]\ntype = "websocket"\n\n# Faders' in changed


def test_existing_name_is_refused(apply: Apply) -> None:
    with pytest.raises(EditRefused, match=r"endpoint\.desk exists already"):
        apply(AddTable(("endpoint", "desk"), {"type": "websocket"}))


def test_removed_route_takes_its_comment(apply: Apply) -> None:
    changed = apply(RemoveTable(("route", 0)))
    assert changed == TEXT.replace(
        TEXT[TEXT.index("# Faders") : TEXT.index('[[route]]\nname = "m')], ""
    )


def test_moved_route_takes_its_comment(apply: Apply) -> None:
    changed = apply(MoveRoute(0, 1))
    routes = tomllib.loads(changed)["route"]
    assert [each["name"] for each in routes] == ["mutes", "faders"]
    assert "# Faders of the tablet\n[[route]]\nname  =" in changed
    assert apply(MoveRoute(1, 0), text=changed) == TEXT


def test_line_ends_of_windows_stay(apply: Apply) -> None:
    text = TEXT.replace("\n", "\r\n")
    changed = apply(ChangeTable(("route", 0), {**FADERS, "match": "/x"}), text=text)
    assert changed == text.replace("/1/fader{n}", "/x")


@pytest.mark.parametrize(
    "text",
    [
        'route = [{ from = "a", to = "b" }]\n',
        '[bridge]\na.listen = "udp://:1"\n[[route]]\nfrom = "a"\n',
    ],
)
def test_table_without_a_header_is_for_the_text(apply: Apply, text: str) -> None:
    path = ("route", 0) if text.startswith("route") else ("bridge", "a")
    with pytest.raises(EditRefused, match="change the text of the file"):
        apply(ChangeTable(path, {"from": "x"}), text=text)


def test_table_inside_a_table_is_changed(apply: Apply) -> None:
    text = '[endpoint.a]\ntype = "osc"\n\n[endpoint.a.spool]\n# kept\nmax_size = 5\n'
    table = {"type": "osc", "spool": {"max_size": 6}}
    changed = apply(ChangeTable(("endpoint", "a"), table), text=text)
    assert changed == text.replace("5", "6")


def test_several_edits_follow_each_other(apply: Apply) -> None:
    changed = apply(
        AddTable(("endpoint", "web"), {"type": "websocket"}),
        AddTable(("route",), {"from": "stage", "to": "web"}),
        RemoveTable(("route", 0)),
    )
    found = tomllib.loads(changed)
    assert list(found["endpoint"]) == ["desk", "web"]
    assert [each["to"] for each in found["route"]] == ["desk", "web"]


def test_missing_table_is_refused(apply: Apply) -> None:
    with pytest.raises(EditRefused, match="route 8 no longer exists"):
        apply(RemoveTable(("route", 7)))


@pytest.mark.parametrize("name", ["../other.toml", "/etc/passwd", "other.toml", ""])
def test_other_file_is_refused(apply: Apply, name: str) -> None:
    with pytest.raises(EditRefused, match="not a file of this configuration"):
        apply(ReplaceText(name, "x = 1"))


def test_included_file_is_edited_where_the_entry_lives(tmp_path: Path) -> None:
    (tmp_path / "desks.toml").write_text(
        '[[route]]\nfrom = "b" # here\n[endpoint.x]\ntype = "osc"\n'
    )
    path = tmp_path / "show.toml"
    path.write_text('include = ["desks.toml"]\n[[route]]\nfrom = "a"\n')
    found = edited_texts(
        read_document(path, "show.toml"),
        [
            ChangeTable(("route", 1), {"from": "c"}),
            ChangeTable(("endpoint", "x"), {"type": "midi"}),
        ],
    )
    assert found == {"desks.toml": '[[route]]\nfrom = "c" # here\n[endpoint.x]\ntype = "midi"\n'}


def test_new_variables_follow_the_others(apply: Apply) -> None:
    text = "[variables]\nscene = 1\n\n" + TEXT
    changed = apply(AddTable(("variables",), {"level": TomlText("0.0")}), text=text)
    assert changed == text.replace("scene = 1\n", "scene = 1\nlevel = 0.0\n")


def test_first_variable_makes_its_table(apply: Apply) -> None:
    assert apply(AddTable(("variables",), {"level": 1})).endswith("\n[variables]\nlevel = 1\n")
